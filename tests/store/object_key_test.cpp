#include "upstow/store/object_key.hpp"

#include <set>
#include <string>

#include "support/catch.hpp"

using upstow::errc;
using upstow::object_key;

TEST_CASE("a key joins a prefix and segments") {
  CHECK(object_key::make("photos", {"42", "a.jpg"})->text() == "photos/42/a.jpg");
  CHECK(object_key::make("a/b", {})->text() == "a/b");
  CHECK(object_key::make("", {"x"})->text() == "x");
  CHECK(object_key().empty());
}

TEST_CASE("a segment cannot leave its place") {
  for (const std::string_view bad : {"", ".", "..", "a/b", "/", ".hidden", "dot.", "a..b", "A",
                                     "a b", "a%2f", "a\\b", "a:b", "a\n", "\xc3\xa4", "a+", "a="})
    CHECK(object_key::make("p", {"ok", bad}).error().code == errc::key_invalid);
  CHECK(object_key::make("/p", {"x"}).error().code == errc::key_invalid);
  CHECK(object_key::make("p/", {"x"}).error().code == errc::key_invalid);
  CHECK(object_key::make("p/../q", {"x"}).error().code == errc::key_invalid);
  CHECK(object_key::make("", {}).error().code == errc::key_invalid);
}

TEST_CASE("keys and segments have a length") {
  const std::string most(128, 'a');
  CHECK(object_key::make(most, {most, most, std::string(125, 'a')}));  // 512 with the slashes
  CHECK_FALSE(object_key::make(most, {most, most, std::string(126, 'a')}));
  CHECK_FALSE(object_key::make("", {most + "a"}));
}

TEST_CASE("random keys are keys and differ") {
  std::set<std::string> seen;
  std::set<char> letters;
  for (int i = 0; i < 1000; ++i) {
    const auto k = upstow::random_key();
    REQUIRE(k);
    REQUIRE(k->size() == 26);
    REQUIRE(object_key::valid(*k));
    letters.insert(k->begin(), k->end());
    REQUIRE(seen.insert(*k).second);
  }
  CHECK(std::string(letters.begin(), letters.end()) == "0123456789abcdefghjkmnpqrstvwxyz");
}
