// What every host has to do with uploads that are as they should be, or are cut off.
#include <algorithm>
#include <cstdio>
#include <random>

#include "host/workbench.hpp"

namespace {

using nlohmann::json;

// The answer names each file with its size and key; the store has the bytes under that key.
void check_stored(upstow::store& store, const answer& got, const std::vector<sent_file>& files) {
  INFO(got.code << " " << got.status << " " << got.body);
  REQUIRE(got.status == 200);
  const json body = json::parse(got.body);
  REQUIRE(body["files"].size() == files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    const json& said = body["files"][i];
    CHECK(said["field"] == files[i].field);
    CHECK(said["filename"] == files[i].name);
    CHECK(said["size"] == files[i].data.size());
    const std::string back = read_object(store, said["key"].get<std::string>());
    CHECK(sha256(back) == sha256(files[i].data));
  }
}

}  // namespace

TEST_CASE("The four hosts are in the suite") {
  std::vector<std::string> names;
  for (const named_host& h : all_hosts()) names.emplace_back(h.name);
  for (const char* wanted : {"asio", "beast", "httplib", "microhttpd"}) {
    CHECK(std::count(names.begin(), names.end(), wanted) == 1);
  }
}

TEST_CASE("Bytes arrive as they were sent") {
  // 16 KiB and 64 KiB are the buffers of the hosts: one less, exact, one more.
  const std::vector<std::size_t> sizes{0, 1, 16383, 16384, 16385, 65536, 65537, 5'000'001};
  FOR_EACH_HOST(which) {
    workbench w(which);
    w.start();
    curl_client client;
    for (const bool chunked : {false, true}) {
      client.chunked = chunked;
      for (const std::size_t size : sizes) {
        INFO("size " << size << " chunked " << chunked);
        const std::vector<sent_file> one{{"file", "a.bin", noise(size)}};
        check_stored(w.store, client.post_files(w.url(), one), one);
      }
    }
  }
}

TEST_CASE("Twenty files in one form") {
  std::vector<sent_file> files;
  for (unsigned i = 0; i < 20; ++i) {
    files.push_back({"file", "n" + std::to_string(i) + ".bin", noise(i * i * 1000, i)});
  }
  FOR_EACH_HOST(which) {
    workbench w(which);
    w.start();
    curl_client client;
    for (const bool chunked : {false, true}) {
      client.chunked = chunked;
      check_stored(w.store, client.post_files(w.url(), files), files);
    }
    CHECK(stored(w.store) == 40);
  }
}

TEST_CASE("File names are data") {
  // curl escapes quotes and line ends as browsers do; the parser undoes that, and nothing else.
  const std::vector<sent_file> files{{"file", "quote\"s.txt", "a"},
                                     {"file", "\xC3\xBCml\xC3\xA4ut.txt", "b"},
                                     {"file", "new\nline.txt", "c"},
                                     {"file", "../../../climbed-out", "d"},
                                     {"file", "<img onerror=x>.txt", "e"}};
  FOR_EACH_HOST(which) {
    workbench w(which);
    w.start();
    curl_client client;
    for (const sent_file& f : files) {
      const answer got = client.post_files(w.url(), {f});
      INFO(f.name << ": " << got.status << " " << got.body);
      REQUIRE(got.status == 200);
      const json said = json::parse(got.body)["files"][0];
      CHECK(sha256(read_object(w.store, said["key"].get<std::string>())) == sha256(f.data));
      CHECK(got.body.find('<') == std::string::npos);
    }
    CHECK(stored(w.store) == files.size());
    for (const char* way : {"/climbed-out", "/../climbed-out", "/../../climbed-out"}) {
      CHECK_FALSE(std::filesystem::exists(w.dir.path() + way));
    }
  }
}

TEST_CASE("One connection serves uploads in a row also after a small refused one") {
  const std::vector<sent_file> good{{"file", "a.bin", noise(100'000)}};
  const std::vector<sent_file> bad{{"file", "a.php", noise(20'000)}};
  FOR_EACH_HOST(which) {
    workbench w(which);
    w.start();
    curl_client client;
    const answer first = client.post_files(w.url(), good);
    check_stored(w.store, first, good);
    CHECK(first.connections == 1);
    const answer refused = client.post_files(w.url(), bad);
    CHECK(refused.status == 422);
    CHECK(json::parse(refused.body)["name"] == "extension-not-allowed");
    CHECK(refused.connections == 0);
    const answer last = client.post_files(w.url(), good);
    check_stored(w.store, last, good);
    CHECK(last.connections == 0);
    CHECK(stored(w.store) == 2);
  }
}

TEST_CASE("Bodies that are no forms are refused and nothing is stored") {
  const std::string whole = form().file("file", "a.bin", "data").end();
  const std::string cut = whole.substr(0, whole.size() - 10);
  FOR_EACH_HOST(which) {
    workbench w(which);
    w.start();
    curl_client client;
    CHECK(client.post(w.url(), "application/json", "{}").status == 415);
    CHECK(client.post(w.url(), "multipart/form-data", whole).status == 400);
    CHECK(client.post(w.url(), form::content_type, cut).status == 400);
    CHECK(client.post(w.url(), form::content_type, "").status == 400);
    client.chunked = true;
    CHECK(client.post(w.url(), form::content_type, cut).status == 400);
    client.chunked = false;
    CHECK(client.post(w.url(), form::content_type, whole).status == 200);
    CHECK(stored(w.store) == 1);
  }
}

TEST_CASE("Several Content-Type headers are no Content-Type") {
  // A proxy in front may have judged the other one.
  const std::string whole = form().file("file", "a.bin", "data").end();
  FOR_EACH_HOST(which) {
    workbench w(which);
    w.start();
    raw_client client(w.host->port());
    REQUIRE(client.connected());
    client.send(request_head("/upload", form::content_type, length_of(whole.size()),
                             "Content-Type: text/plain\r\n") +
                whole);
    const int status = status_of(client.read_answer());
    CHECK((status == 400 || status == 415));
    CHECK(stored(w.store) == 0);
  }
}

TEST_CASE("A request without a body is answered and the connection lives") {
  FOR_EACH_HOST(which) {
    workbench w(which);
    w.start();
    raw_client client(w.host->port());
    REQUIRE(client.connected());
    client.send(
        "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; "
        "boundary=XyZ\r\nContent-Length: 0\r\n\r\n");
    CHECK(status_of(client.read_answer()) == 400);
    client.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(status_of(client.read_answer()) == 200);
  }
}

TEST_CASE("A client that goes away leaves nothing behind") {
  const std::string body = form().file("file", "a.bin", noise(400'000)).end();
  std::mt19937 random(20261124);
  FOR_EACH_HOST(which) {
    workbench w(which);
    w.start();
    int uploads = 0;
    for (int i = 0; i < 24; ++i) {
      const bool chunked = i % 3 == 0;
      // The first and the last possible place always, the others drawn.
      const std::size_t last = body.size() - 1;
      const std::size_t drawn = std::uniform_int_distribution<std::size_t>(0, last)(random);
      const std::size_t cut = i == 0 ? 0 : i == 1 ? last : drawn;
      INFO("cut at " << cut << (chunked ? " chunked" : ""));
      raw_client client(w.host->port());
      REQUIRE(client.connected());
      const std::string head =
          request_head("/upload", form::content_type,
                       chunked ? "Transfer-Encoding: chunked" : length_of(body.size()));
      client.send(head);
      // One chunk that promises the whole body.
      char size_line[32] = "";
      if (chunked) std::snprintf(size_line, sizeof size_line, "%zx\r\n", body.size());
      client.send(size_line + body.substr(0, cut));
      REQUIRE(w.seen(++uploads));
      i % 2 == 0 ? client.reset() : client.close();
    }
    REQUIRE(w.settled());
    CHECK(stored(w.store) == 0);
    CHECK(w.dir.files() == 0);
    // And the server still works.
    curl_client after;
    const std::vector<sent_file> one{{"file", "a.bin", noise(1000)}};
    check_stored(w.store, after.post_files(w.url(), one), one);
  }
}
