// upstow and the limits.
#include "engines.hpp"

#include <cstdlib>
#include <cstring>

#include "upstow/parse/multipart_parser.hpp"

namespace bench {

namespace {

/// Answers what the chunk has. False if the parser failed.
bool drain(upstow::multipart_parser& parser, outcome& out) {
  while (true) {
    const upstow::event ev = parser.next();
    switch (ev.kind) {
      case upstow::event_kind::part_begin: ++out.parts; break;
      case upstow::event_kind::part_data:
        out.bytes += ev.data.size();
        parser.accept(ev.data.size());
        break;
      case upstow::event_kind::part_end: break;
      case upstow::event_kind::need_data:
      case upstow::event_kind::done: return true;
      case upstow::event_kind::failed: return false;
    }
  }
}

#if defined(__GNUC__)
using wide [[gnu::vector_size(32), gnu::aligned(1), gnu::may_alias]] = std::uint64_t;
#if defined(__x86_64__)
[[gnu::target_clones("avx2", "default")]]
#endif
std::uint64_t xor_of(const char* p, std::size_t size) {
  wide sum[4] = {};
  for (; size >= 4 * sizeof(wide); size -= 4 * sizeof(wide), p += 4 * sizeof(wide))
    for (std::size_t i = 0; i < 4; ++i) sum[i] ^= reinterpret_cast<const wide*>(p)[i];
  std::uint64_t all = 0;
  for (const wide& w : sum) all ^= w[0] ^ w[1] ^ w[2] ^ w[3];
  for (; size != 0; --size, ++p) all ^= static_cast<unsigned char>(*p);
  return all;
}
#else
std::uint64_t xor_of(const char* p, std::size_t size) {
  std::uint64_t all = 0, word;
  for (; size >= 8; size -= 8, p += 8) {
    std::memcpy(&word, p, 8);
    all ^= word;
  }
  for (; size != 0; --size, ++p) all ^= static_cast<unsigned char>(*p);
  return all;
}
#endif

}  // namespace

outcome upstow_parser(source& from) {
  upstow::limits l{.total_bytes = upstow::unlimited};
  l.parts = l.files = l.fields = UINT32_MAX;
  const auto b = upstow::boundary::from("multipart/form-data; boundary=" + from.of().boundary);
  if (!b) std::abort();
  upstow::multipart_parser parser(*b, l);
  outcome out;
  for (std::string_view chunk; from.next(chunk);) {
    parser.feed(upstow::as_bytes(chunk));
    if (!drain(parser, out)) std::abort();
  }
  parser.finish();
  if (!drain(parser, out)) std::abort();
  return out;
}

outcome read_only(source& from) {
  outcome out;
  for (std::string_view chunk; from.next(chunk);) out.bytes ^= xor_of(chunk.data(), chunk.size());
  return out;
}

outcome copy(source& from) {
  std::string to(1024 * 1024, '\0');  // the largest chunk
  outcome out;
  for (std::string_view chunk; from.next(chunk);) {
    std::memcpy(to.data(), chunk.data(), chunk.size());
    out.bytes += static_cast<unsigned char>(to[chunk.size() / 2]);
  }
  return out;
}

outcome find_cr(source& from) {
  outcome out;
  for (std::string_view chunk; from.next(chunk);) {
    const char* at = chunk.data();
    const char* const end = at + chunk.size();
    while (const void* hit = std::memchr(at, '\r', static_cast<std::size_t>(end - at))) {
      at = static_cast<const char*>(hit) + 1;
      ++out.bytes;
    }
  }
  return out;
}

outcome find_needle(source& from) {
  const std::string needle = "\r\n--" + from.of().boundary;
  outcome out;
  for (std::string_view chunk; from.next(chunk);) {
    std::string_view rest = chunk;
    while (const void* hit = memmem(rest.data(), rest.size(), needle.data(), needle.size())) {
      rest.remove_prefix(static_cast<std::size_t>(static_cast<const char*>(hit) - rest.data()) +
                         needle.size());
      ++out.parts;
    }
  }
  return out;
}

}  // namespace bench
