#include "upstow/store/s3_credentials.hpp"

#include <openssl/crypto.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "../no_throw.hpp"
#include "text.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3 {

namespace {

constexpr std::size_t largest_file = 1024 * 1024;  // a thousand profiles are 150 KB
constexpr std::chrono::minutes fresh_for{5};

using provider = std::unique_ptr<credentials_provider>;

failure at_line(std::uint64_t line) { return {.code = errc::misuse, .offset = line}; }

bool usable(const credentials& c) {
  using s3_detail::has_control;
  return !c.access_key.empty() && !c.secret_key.empty() && !has_control(c.access_key) &&
         !has_control(c.secret_key.reveal()) && !has_control(c.session_token.reveal());
}

class fixed final : public credentials_provider {
 public:
  explicit fixed(credentials given) : given_(std::move(given)) {}
  result<credentials> get() noexcept override {
    return store_detail::without_throwing([&]() -> result<credentials> { return given_; },
                                          []() -> result<credentials> { return errc::no_memory; });
  }

 private:
  const credentials given_;
};

std::string from_environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

struct closed {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

result<secret_text> whole_file(const std::string& path) {
  const std::unique_ptr<std::FILE, closed> file(std::fopen(path.c_str(), "rbe"));
  if (!file) return failure{.code = errc::misuse, .cause = errno};
  std::setvbuf(file.get(), nullptr, _IONBF, 0);  // a buffer of the C library would not be wiped
  std::string text(largest_file + 1, '\0');
  const std::size_t size = std::fread(text.data(), 1, text.size(), file.get());
  const bool failed = std::ferror(file.get()) != 0;
  const int cause = errno;
  secret_text kept{std::string_view(text).substr(0, size)};
  OPENSSL_cleanse(text.data(), size);
  if (failed) return failure{.code = errc::misuse, .cause = cause};
  if (size > largest_file) return failure{.code = errc::misuse, .cause = EFBIG};
  return kept;
}

/// Reads one profile, and judges the form of all.
class ini_reader {
 public:
  explicit ini_reader(std::string_view profile) : wanted_(profile) {}

  result<credentials> read(std::string_view text) {
    for (std::uint64_t number = 1; !text.empty(); ++number) {
      const std::size_t end = text.find('\n');
      std::string_view line = text.substr(0, end);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (!take(line)) return at_line(number);
    }
    if (!usable(found_)) return errc::misuse;
    return std::move(found_);
  }

 private:
  bool take(std::string_view line) {
    if (line.find('\0') != std::string_view::npos) return false;
    const bool indented = line.starts_with(' ') || line.starts_with('\t');
    line = s3_detail::trimmed(line);
    if (line.empty() || line.front() == '#' || line.front() == ';') return true;
    if (indented) return in_section_;  // a nested value of another tool: none of ours is
    return line.front() == '[' ? section(line) : pair(line);
  }

  bool section(std::string_view line) {
    if (line.size() < 3 || line.back() != ']') return false;
    const std::string_view name = s3_detail::trimmed(line.substr(1, line.size() - 2));
    in_section_ = true;
    inside_ = name == wanted_;
    if (!inside_) return !name.empty();
    return !std::exchange(seen_, true);
  }

  bool pair(std::string_view line) {
    const std::size_t equals = line.find('=');
    if (!in_section_ || equals == std::string_view::npos || equals == 0) return false;
    if (!inside_) return true;
    const std::string_view name = s3_detail::trimmed(line.substr(0, equals));
    const std::string_view value = s3_detail::trimmed(line.substr(equals + 1));
    if (s3_detail::same_name(name, "aws_access_key_id")) {
      if (!found_.access_key.empty()) return false;
      found_.access_key = value;
    } else if (s3_detail::same_name(name, "aws_secret_access_key")) {
      return set(found_.secret_key, value);
    } else if (s3_detail::same_name(name, "aws_session_token")) {
      return set(found_.session_token, value);
    }
    return true;
  }

  static bool set(secret_text& into, std::string_view value) {
    if (!into.empty()) return false;
    into = secret_text(value);
    return true;
  }

  std::string_view wanted_;
  credentials found_;
  bool in_section_ = false, inside_ = false, seen_ = false;
};

class from_file final : public credentials_provider {
 public:
  from_file(std::string path, std::string profile)
      : path_(std::move(path)), profile_(std::move(profile)) {}

  result<credentials> get() noexcept override {
    return store_detail::without_throwing([&] { return current(); },
                                          []() -> result<credentials> { return errc::no_memory; });
  }

 private:
  result<credentials> current() {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (!held_ || now - read_at_ > fresh_for) {
      read_at_ = now;
      result<credentials> read = read_file();
      if (read) held_ = *std::move(read);
      if (!held_) return read.error();
    }
    return *held_;
  }

  result<credentials> read_file() const {
    const result<secret_text> text = whole_file(path_);
    if (!text) return text.error();
    return ini_reader(profile_).read(text->reveal());
  }

  const std::string path_, profile_;
  std::mutex mutex_;
  std::optional<credentials> held_;
  std::chrono::steady_clock::time_point read_at_;
};

result<provider> open_file(std::string_view path, std::string_view profile) {
  std::string where(path), which(profile);
  if (where.empty()) where = from_environment("AWS_SHARED_CREDENTIALS_FILE");
  if (where.empty()) {
    where = from_environment("HOME");
    if (where.empty()) return errc::misuse;
    where += "/.aws/credentials";
  }
  if (which.empty()) which = from_environment("AWS_PROFILE");
  if (which.empty()) which = "default";
  if (where.find('\0') != std::string::npos) return errc::misuse;
  provider made = std::make_unique<from_file>(std::move(where), std::move(which));
  const result<credentials> first = made->get();
  if (!first) return first.error();
  return made;
}

result<provider> no_memory() { return errc::no_memory; }

}  // namespace

secret_text::secret_text(secret_text&& other) : text_(other.text_) { other.wipe(); }

secret_text& secret_text::operator=(const secret_text& other) {
  if (this == &other) return *this;
  std::string copy(other.text_);
  wipe();
  text_.swap(copy);
  return *this;
}

secret_text& secret_text::operator=(secret_text&& other) {
  if (this == &other) return *this;
  *this = std::as_const(other);
  other.wipe();
  return *this;
}

secret_text::~secret_text() { wipe(); }

void secret_text::wipe() noexcept {
  OPENSSL_cleanse(text_.data(), text_.size());
  text_.clear();
}

result<provider> fixed_credentials(const credentials& given) noexcept {
  return store_detail::without_throwing(
      [&]() -> result<provider> {
        if (!usable(given)) return errc::misuse;
        return provider(std::make_unique<fixed>(given));
      },
      no_memory);
}

result<provider> environment_credentials() noexcept {
  return store_detail::without_throwing(
      [&]() -> result<provider> {
        credentials found;
        found.access_key = from_environment("AWS_ACCESS_KEY_ID");
        found.secret_key = secret_text(from_environment("AWS_SECRET_ACCESS_KEY"));
        found.session_token = secret_text(from_environment("AWS_SESSION_TOKEN"));
        return fixed_credentials(found);
      },
      no_memory);
}

result<provider> file_credentials(std::string_view path, std::string_view profile) noexcept {
  return store_detail::without_throwing([&] { return open_file(path, profile); }, no_memory);
}

}  // namespace s3
}  // namespace UPSTOW_ABI
}  // namespace upstow
