// A form that was written is read back part for part, its length is as announced, and what the
// writer refuses is what the parser would refuse.
//
// Input: for each part a byte of flags, and of sizes of its name, filename, type and data.
#include <string>
#include <vector>

#include "fuzz/fuzz.hpp"
#include "support/form.hpp"
#include "upstow/parse/multipart_parser.hpp"
#include "upstow/parse/multipart_writer.hpp"

namespace {

struct part {
  std::string name, filename, type, data;
  bool is_file = false, is_fed = false;
};

std::vector<part> parts_of(std::string_view input) {
  std::vector<part> all;
  while (input.size() >= 5 && all.size() < 20) {
    fuzz::choices in(input);
    const unsigned flags = in.byte();
    const unsigned sizes[] = {in.byte(), in.byte(), in.byte(), in.byte()};
    std::string_view rest = in.rest();
    const auto take = [&](std::size_t n) {
      const std::string_view text = rest.substr(0, n);
      rest.remove_prefix(text.size());
      return std::string(text);
    };
    part& p = all.emplace_back();
    p.name = take(sizes[0]);
    p.filename = take(sizes[1]);
    p.type = take(sizes[2]);
    p.data = take(sizes[3]);
    p.is_file = (flags & 1) != 0;
    p.is_fed = (flags & 2) != 0;
    input = rest;
  }
  return all;
}

/// The body, or nothing if the writer refused it.
std::string write(upstow::multipart_writer& form, const std::vector<part>& parts) {
  for (const part& p : parts) {
    upstow::part_to_write head{.name = p.name, .content_type = p.type};
    if (p.is_file) head.filename = p.filename;
    if (p.is_fed) {
      form.part(head, p.data.size());
    } else {
      form.part(head, upstow::as_bytes(p.data));
    }
  }
  const auto length = form.content_length();
  std::string body;
  bool fed = false;
  for (auto p = form.next(); p.kind != upstow::piece_kind::done; p = form.next()) {
    if (p.kind == upstow::piece_kind::failed) {
      FUZZ_CLAIM(body.empty() && !length);
      return body;
    }
    if (p.kind == upstow::piece_kind::send) {
      FUZZ_CLAIM(!p.data.empty());
      body += upstow::as_text(p.data);
      continue;
    }
    if (fed || parts[p.part].data.empty()) {
      form.end_part();
      fed = false;
    } else {
      form.feed(upstow::as_bytes(parts[p.part].data));
      fed = true;
    }
  }
  FUZZ_CLAIM(length == body.size());
  return body;
}

void read(const upstow::boundary& b, const std::string& body, const std::vector<part>& parts) {
  upstow::multipart_parser parser(b);
  parser.feed(upstow::as_bytes(body));
  std::size_t begun = 0;
  std::string data;
  for (auto ev = parser.next(); ev.kind != upstow::event_kind::done; ev = parser.next()) {
    FUZZ_CLAIM(ev.kind != upstow::event_kind::failed);
    if (ev.kind == upstow::event_kind::need_data) parser.finish();
    if (ev.kind == upstow::event_kind::part_begin) {
      FUZZ_CLAIM(begun < parts.size());
      const part& want = parts[begun++];
      FUZZ_CLAIM(parser.part().name == form_escaped(want.name));
      FUZZ_CLAIM(parser.part().is_file == want.is_file);
      if (want.is_file) FUZZ_CLAIM(parser.part().filename == form_escaped(want.filename));
      FUZZ_CLAIM(parser.part().content_type.has_value() == !want.type.empty());
      data.clear();
    }
    data += upstow::as_text(ev.data);
    parser.accept(ev.data.size());
    if (ev.kind == upstow::event_kind::part_end) FUZZ_CLAIM(data == parts[begun - 1].data);
  }
  FUZZ_CLAIM(begun == parts.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parts = parts_of({reinterpret_cast<const char*>(data), size});
  const auto b = upstow::boundary::from("multipart/form-data; boundary=7MA4YWxkTrZu0gW");
  for (const part& p : parts) {
    if (p.data.find(b->text()) != std::string::npos) return -1;
    // Written as it is said; whether to take it is the receiver's matter.
    const auto type = upstow::media_type_of(p.type);
    if (!p.is_file && type && type->starts_with("multipart/")) return -1;
  }
  upstow::multipart_writer form(*b);
  const std::string body = write(form, parts);
  if (!body.empty()) read(*b, body, parts);
  return 0;
}
