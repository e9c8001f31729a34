#include "upstow/untrusted_name.hpp"

#include <utility>

#include "support/catch.hpp"
#include "upstow/digest_value.hpp"

using upstow::untrusted_name;

TEST_CASE("basename is what follows the last separator of any system") {
  const std::pair<const char*, const char*> cases[] = {{"a.txt", "a.txt"},
                                                       {"/etc/passwd", "passwd"},
                                                       {"..\\..\\x.txt", "x.txt"},
                                                       {"a/b\\c", "c"},
                                                       {"C:x.txt", "C:x.txt"},
                                                       {"C:\\dir\\y.txt", "y.txt"},
                                                       {"dir/", ""},
                                                       {"", ""},
                                                       {".", ""},
                                                       {"..", ""},
                                                       {"a/..", ""},
                                                       {"...", "..."},
                                                       {".htaccess", ".htaccess"},
                                                       {"..%2f..%2fx", "..%2f..%2fx"}};
  for (const auto& [sent, base] : cases) CHECK(untrusted_name(sent).basename() == base);
  CHECK(untrusted_name("a/b").untrusted() == "a/b");
}

TEST_CASE("extension is what a system would act on") {
  const std::pair<const char*, const char*> cases[] = {{"a.TXT", "txt"},
                                                       {"a.tar.gz", "gz"},
                                                       {"a.php. . ", "php"},
                                                       {"a", ""},
                                                       {"a.", ""},
                                                       {"dir.d/a", ""},
                                                       {".htaccess", "htaccess"},
                                                       {"...", ""},
                                                       {"x.txt::$DATA", "txt::$data"}};
  for (const auto& [sent, extension] : cases) CHECK(untrusted_name(sent).extension() == extension);
}

TEST_CASE("a digest is written as lower case hex") {
  upstow::digest_value d;
  d.size = 3;
  d.value[0] = std::byte{0x0f};
  d.value[1] = std::byte{0xa0};
  CHECK(d.hex() == "0fa000");
  CHECK(upstow::digest_value().hex().empty());
  CHECK(algorithm_name(d.algorithm) == "sha-256");
}
