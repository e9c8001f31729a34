// Writes a form to standard output and its head to standard error; the files are never in memory.
//
//   write_form title=Holiday photo=@sea.jpg > body 2> head
//   curl -H @head --data-binary @body http://127.0.0.1:8080/upload
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string_view>

#include "upstow/parse/multipart_writer.hpp"

namespace {

using file_handle = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

struct argument {
  std::string_view name, value;
  bool is_path;
};

argument read_argument(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return {text, "", false};
  const std::string_view value = text.substr(equals + 1);
  const bool is_path = value.starts_with('@');
  return {text.substr(0, equals), value.substr(is_path ? 1 : 0), is_path};
}

/// Declares every part; the length of the form is known then.
bool declare(upstow::multipart_writer& form, const std::vector<argument>& arguments) {
  for (const argument& a : arguments) {
    if (!a.is_path) {
      form.field(a.name, a.value);
      continue;
    }
    const std::filesystem::path path(a.value);
    std::error_code wrong;
    const std::uintmax_t size = std::filesystem::file_size(path, wrong);
    if (wrong) return std::fprintf(stderr, "cannot read %s\n", path.c_str()), false;
    form.part({.name = a.name,
               .filename = path.filename().native(),
               .content_type = "application/octet-stream"},
              size);
  }
  return true;
}

/// Pumps the pieces; a part asks for its file when its turn comes.
bool send(upstow::multipart_writer& form, const std::vector<argument>& arguments) {
  file_handle file(nullptr, &std::fclose);
  std::array<char, 64 * 1024> chunk;
  for (upstow::piece p = form.next(); p.kind != upstow::piece_kind::done; p = form.next()) {
    if (p.kind == upstow::piece_kind::failed) return false;
    if (p.kind == upstow::piece_kind::send) {
      if (std::fwrite(p.data.data(), 1, p.data.size(), stdout) != p.data.size()) return false;
      continue;
    }
    if (!file) file.reset(std::fopen(std::string(arguments[p.part].value).c_str(), "rb"));
    if (!file) return false;
    const std::size_t size = std::fread(chunk.data(), 1, chunk.size(), file.get());
    if (size != 0) {
      form.feed(upstow::as_bytes(chunk.data(), size));
    } else {
      form.end_part();  // a file that changed its size meanwhile fails here, or above
      file.reset();
    }
  }
  return std::fflush(stdout) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<argument> arguments;
  for (int i = 1; i < argc; ++i) arguments.push_back(read_argument(argv[i]));
  auto form = upstow::multipart_writer::create();
  if (!form || !declare(*form, arguments)) return 1;
  if (const auto size = form->content_length())
    std::fprintf(stderr, "Content-Type: %s\nContent-Length: %llu\n", form->content_type().c_str(),
                 static_cast<unsigned long long>(*size));
  if (send(*form, arguments)) return 0;
  std::fprintf(stderr, "not written: %s\n", upstow::describe(form->error().code).name.data());
  return 1;
}
