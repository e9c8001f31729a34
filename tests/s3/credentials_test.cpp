// Where keys come from: the environment and the file that the AWS tools share.
#include "upstow/store/s3_credentials.hpp"

#include <cerrno>

#include <filesystem>
#include <fstream>
#include <string>

#include "support/catch.hpp"
#include "support/environment.hpp"
#include "support/scratch.hpp"

using namespace upstow;
using upstow_test::environment_variable;

namespace {

struct shared_file {
  upstow_test::scratch folder;
  std::string path = (folder.path() / "credentials").string();
  explicit shared_file(std::string_view text) { std::ofstream(path, std::ios::binary) << text; }
};

failure refused(std::string_view text, std::string_view profile = "default") {
  const shared_file file(text);
  return s3::file_credentials(file.path, profile).error();
}

}  // namespace

TEST_CASE("a profile of the shared file", "[s3]") {
  const shared_file file(
      "# keys\r\n[default]\r\naws_access_key_id = AKA\r\naws_secret_access_key=s/e=c+r\r\n\r\n"
      "; another\n[ work ]\nAWS_Access_Key_ID=WORK\naws_secret_access_key = other\n"
      "aws_session_token = token==\nregion = eu-central-1\n");
  const auto plain = s3::file_credentials(file.path, "");
  REQUIRE(plain);
  const auto keys = (*plain)->get();
  REQUIRE(keys);
  CHECK(keys->access_key == "AKA");
  CHECK(keys->secret_key.reveal() == "s/e=c+r");
  CHECK(keys->session_token.empty());
  const auto work = s3::file_credentials(file.path, "work");
  REQUIRE(work);
  CHECK((*work)->get()->access_key == "WORK");
  CHECK((*work)->get()->session_token.reveal() == "token==");
}

TEST_CASE("a shared file that is not well formed is refused at its line", "[s3]") {
  const std::string good = "[default]\naws_access_key_id=a\naws_secret_access_key=b\n";
  CHECK(refused("aws_access_key_id=a\n").offset == 1);         // outside of a section
  CHECK(refused(good + "nonsense\n").offset == 4);             // no value
  CHECK(refused(good + "aws_access_key_id=c\n").offset == 4);  // which one?
  CHECK(refused(good + "[default]\n").offset == 4);
  CHECK(refused("[default\n").offset == 1);
  CHECK(refused("[]\n").offset == 1);
  CHECK(refused(std::string("[a]\n\0", 5)).offset == 2);
  CHECK(refused(good, "absent").code == errc::misuse);
  CHECK(refused("[default]\naws_access_key_id=a\n").code == errc::misuse);  // no secret
  CHECK(refused(good + std::string(1024 * 1024, '#')).cause == EFBIG);
  CHECK(s3::file_credentials("/nonexistent/credentials", "").error().cause == ENOENT);
}

TEST_CASE("keys of the environment", "[s3]") {
  const environment_variable id("AWS_ACCESS_KEY_ID", "ENV");
  environment_variable secret("AWS_SECRET_ACCESS_KEY", "secret");
  const environment_variable token("AWS_SESSION_TOKEN", nullptr);
  const auto there = s3::environment_credentials();
  REQUIRE(there);
  CHECK((*there)->get()->access_key == "ENV");
  secret.set(nullptr);
  CHECK(s3::environment_credentials().error().code == errc::misuse);
}

TEST_CASE("where the file is, and which profile of it counts, is said as to the AWS tools",
          "[s3]") {
  const upstow_test::scratch home;
  std::filesystem::create_directory(home.path() / ".aws");
  std::ofstream(home.path() / ".aws/credentials")
      << "[default]\naws_access_key_id=HOME\naws_secret_access_key=s\n";
  const shared_file named(
      "[default]\naws_access_key_id=NAMED\naws_secret_access_key=s\n"
      "[work]\naws_access_key_id=WORK\naws_secret_access_key=s\n");
  const auto key = [] {
    const auto made = s3::file_credentials("", "");
    return made ? (*made)->get()->access_key : std::string();
  };
  const environment_variable at_home("HOME", home.path().c_str());
  environment_variable file("AWS_SHARED_CREDENTIALS_FILE", nullptr);
  environment_variable profile("AWS_PROFILE", nullptr);
  CHECK(key() == "HOME");
  file.set(named.path.c_str());
  CHECK(key() == "NAMED");
  profile.set("work");
  CHECK(key() == "WORK");
}

TEST_CASE("keys that would break a header are refused", "[s3]") {
  const s3::credentials split{
      .access_key = "a\nb", .secret_key = s3::secret_text("c"), .session_token = {}, .expires = {}};
  CHECK(s3::fixed_credentials(split).error().code == errc::misuse);
}
