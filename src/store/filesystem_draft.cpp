// A file on its way to its name.
#include "filesystem_impl.hpp"
// filesystem_os.hpp comes first: it chooses the width of file offsets.
#include <cerrno>

namespace upstow {
inline namespace UPSTOW_ABI {
namespace filesystem_detail {

namespace {

// A sweeper may have opened the file between its making and its locking; then it takes that one and
// we make another. Nobody loses this race eight times.
constexpr int most_tries = 8;

}  // namespace

int random_name(std::string& made) noexcept {
  return store_detail::without_throwing(
      [&] {
        auto name = random_key();
        if (name) made = *std::move(name);
        if (name) return 0;
        return name.error().cause != 0 ? name.error().cause : EIO;
      },
      [] { return ENOMEM; });
}

failure draft::create(const filesystem_store::impl& in, locked when) {
  in_ = &in;
  if (in.unnamed_files) {
    handle file;
    int error = make_unnamed(in.root.get(), file);
    if (error == 0 && when == locked::always) error = lock_now(file.get());
    if (error == 0) file_ = std::move(file);
    return error == 0 ? failure{} : failure_of(error);
  }
  for (int i = 0; i < most_tries; ++i) {
    auto name = random_key();
    if (!name) return name.error();
    handle file;
    int error = make_named(in.temporary.get(), name->c_str(), file);
    if (error == EEXIST) continue;
    if (error != 0) return failure_of(error);
    error = lock_now(file.get());
    struct stat facts{};
    if (error == 0 && ::fstat(file.get(), &facts) == 0 && facts.st_nlink > 0) {
      file_ = std::move(file);
      name_ = *std::move(name);
      return {};
    }
    if (error != 0 && error != EWOULDBLOCK) {
      static_cast<void>(remove_name(in.temporary.get(), name->c_str()));
      return failure_of(error);
    }
  }
  return failure_of(EEXIST);
}

int draft::publish(int directory, const char* name) noexcept {
  if (name_.empty()) return link_unnamed(fd(), directory, name);
  const int error = rename_new(in_->temporary.get(), name_.c_str(), directory, name);
  if (error == 0) name_.clear();
  return error;
}

int draft::replace(int directory, const char* name) noexcept {
  const int temporary = in_->temporary.get();
  if (name_.empty()) {
    std::string made;
    int failed = random_name(made);
    if (failed == 0) failed = lock_now(fd());
    if (failed == 0) failed = link_unnamed(fd(), temporary, made.c_str());
    if (failed != 0) return failed;
    name_ = std::move(made);
  }
  const int error = rename_over(temporary, name_.c_str(), directory, name);
  if (error == 0) name_.clear();
  return error;
}

void draft::drop() noexcept {
  if (!name_.empty()) static_cast<void>(remove_name(in_->temporary.get(), name_.c_str()));
  name_.clear();
  static_cast<void>(file_.close());
}

int draft::close() noexcept { return file_.close(); }

}  // namespace filesystem_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
