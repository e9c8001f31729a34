#include "upstow/parse/dialect.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

UPSTOW_INLINE std::string_view name_of(deviation d) noexcept {
  switch (d) {
    case deviation::preamble: return "preamble";
    case deviation::epilogue: return "epilogue";
    case deviation::padding: return "padding";
    case deviation::near_delimiter: return "near-delimiter";
    case deviation::lf_lines: return "lf-lines";
    case deviation::lf_in_headers: return "lf-in-headers";
    case deviation::folding: return "folding";
    case deviation::missing_name: return "missing-name";
    case deviation::loose_value: return "loose-value";
    case deviation::blanks_at_equals: return "blanks-at-equals";
    case deviation::empty_parameter: return "empty-parameter";
    case deviation::extended_wins: return "extended-wins";
    case deviation::latin1_name: return "latin1-name";
    case deviation::unclean_name: return "unclean-name";
    case deviation::transfer_encoding: return "transfer-encoding";
    case deviation::nested_multipart: return "nested-multipart";
    case deviation::part_length: return "part-length";
    case deviation::unquoted_boundary: break;
  }
  return "unquoted-boundary";
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
