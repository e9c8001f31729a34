// Bodies of any bytes: see parser_claims.hpp.
#include "fuzz/parser_claims.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::claim_parser({reinterpret_cast<const char*>(data), size});
}
