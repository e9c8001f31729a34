// Poco's MultipartReader, which reads from a stream.
#include <Poco/Net/MessageHeader.h>
#include <Poco/Net/MultipartReader.h>

#include <istream>
#include <streambuf>
#include <vector>

#include "engines.hpp"

namespace bench {

namespace {

/// The chunks as they are, without a copy.
class chunks : public std::streambuf {
 public:
  explicit chunks(source& from) : from_(from) {}

 protected:
  int_type underflow() override {
    std::string_view chunk;
    if (!from_.next(chunk)) return traits_type::eof();
    char* const p = const_cast<char*>(chunk.data());  // a get area that nobody writes to
    setg(p, p, p + chunk.size());
    return traits_type::to_int_type(*p);
  }

 private:
  source& from_;
};

}  // namespace

outcome poco(source& from) {
  chunks buffer(from);
  std::istream in(&buffer);
  Poco::Net::MultipartReader reader(in, from.of().boundary);
  outcome out;
  std::vector<char> data(block);
  while (reader.hasNextPart()) {
    Poco::Net::MessageHeader header;
    reader.nextPart(header);
    ++out.parts;
    std::istream& part = reader.stream();
    do {
      part.read(data.data(), static_cast<std::streamsize>(data.size()));
      out.bytes += static_cast<std::uint64_t>(part.gcount());
    } while (part);
  }
  return out;
}

}  // namespace bench
