// A stranger's first program: one form with one file, received into memory.
#include <cstdio>
#include <string>

#include "upstow/upstow.hpp"

int main() {
  const std::string body =
      "--XyZ\r\n"
      "Content-Disposition: form-data; name=\"photo\"; filename=\"sea.txt\"\r\n"
      "\r\n"
      "salt\r\n"
      "--XyZ--\r\n";
  upstow::memory_store store;
  const upstow::policy policy;
  upstow::session upload{store, policy, {.content_type = "multipart/form-data; boundary=XyZ"}};
  (void)upload.feed(body);
  (void)upload.finish();

  const upstow::outcome& got = upload.result();
  const bool right = got.ok() && got.files.size() == 1 && got.files[0].size == 4;
  std::printf("upstow %s: %s\n", UPSTOW_VERSION_STRING, right ? "stored" : got.detail().c_str());
  return right ? 0 : 1;
}
