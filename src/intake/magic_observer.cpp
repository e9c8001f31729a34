#include "upstow/intake/magic_observer.hpp"

#include <magic.h>

#include <cstddef>
#include <type_traits>

#include "upstow/check/sniff.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

class magic_observer::impl {
 public:
  struct freed {
    void operator()(magic_t m) const noexcept { magic_close(m); }
  };
  using handle = std::unique_ptr<std::remove_pointer_t<magic_t>, freed>;

  // Nothing of a head needs to be unpacked, and the details of ELF are not in the type.
  handle magic{magic_open(MAGIC_MIME_TYPE | MAGIC_ERROR | MAGIC_NO_CHECK_COMPRESS)};
  bool healthy = false;
};

namespace magic_observer_detail {

struct bound {
  int parameter;
  std::size_t most;
};

// At most a half of libmagic's own, mostly far less; names are how its rules call each other, and
// those who wrote them allow 50.
constexpr bound bounds[] = {
    {MAGIC_PARAM_BYTES_MAX, sniffed_bytes},
    {MAGIC_PARAM_REGEX_MAX, sniffed_bytes},
    {MAGIC_PARAM_INDIR_MAX, 5},
    {MAGIC_PARAM_NAME_MAX, 50},
    {MAGIC_PARAM_ELF_PHNUM_MAX, 128},
    {MAGIC_PARAM_ELF_SHNUM_MAX, 128},
    {MAGIC_PARAM_ELF_NOTES_MAX, 32},
};

bool prepare(magic_t magic, const char* database) noexcept {
  if (magic == nullptr || magic_load(magic, database) != 0) return false;
  for (const bound& b : bounds)
    if (magic_setparam(magic, b.parameter, &b.most) != 0) return false;
  return true;
}

}  // namespace magic_observer_detail

magic_observer::magic_observer(const char* database) : impl_(std::make_unique<impl>()) {
  impl_->healthy = magic_observer_detail::prepare(impl_->magic.get(), database);
}
magic_observer::~magic_observer() = default;

vote magic_observer::first_bytes(file_record& file, bytes first) {
  if (!impl_->healthy) return vote::reject;
  if (first.empty()) {
    file.sniffed_type.clear();  // libmagic calls it inode/x-empty
    return vote::accept;
  }
  if (first.size() > sniffed_bytes) first = first.first(sniffed_bytes);
  const char* const type = magic_buffer(impl_->magic.get(), first.data(), first.size());
  if (type == nullptr) {
    impl_->healthy = false;
    return vote::reject;
  }
  file.sniffed_type = type;
  return vote::accept;
}

failure magic_observer::error() const noexcept {
  return impl_->healthy ? failure{} : failure{.code = errc::internal};
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
