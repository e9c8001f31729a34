// Where a body ends is never a matter of opinion: framing that two readers could understand
// differently is refused, nothing of it is stored, and no byte of it runs as a request.
#include "host/workbench.hpp"

namespace {

constexpr std::string_view canary = "GET /canary HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

/// Fields, and bytes behind the head that are no request. `only_where_dropped`: by the RFC there is
/// no body, so that only a host that may have dropped a field must not go on.
struct framing_form {
  std::string why;
  std::string fields;
  std::string body{canary};
  bool only_where_dropped = false;
};

std::vector<framing_form> lengths() {
  REQUIRE(canary.size() == 41);
  return {
      {"two lengths", "Content-Length: 41\r\nContent-Length: 1"},
      {"two lengths, the smaller first", "Content-Length: 1\r\nContent-Length: 41"},
      {"no length first", "Content-Length: 0\r\nContent-Length: 41"},
      {"the same length twice", "Content-Length: 41\r\nContent-Length: 41"},
      {"a list of lengths", "Content-Length: 41, 41"},
      {"plus", "Content-Length: +41"},
      {"minus", "Content-Length: -41"},
      {"hexadecimal", "Content-Length: 0x29"},
      {"two numbers", "Content-Length: 4 1"},
      {"a parameter", "Content-Length: 41;a=b"},
      {"over 64 bits", "Content-Length: 18446744073709551657"},
      {"empty", "Content-Length:"},
      {"a length and chunked", "Content-Length: 41\r\nTransfer-Encoding: chunked"},
      {"chunked and a length", "Transfer-Encoding: chunked\r\nContent-Length: 41"},
      {"no length and chunked", "Content-Length: 0\r\nTransfer-Encoding: chunked"},
      {"a space before the colon", "Content-Length : 41"},
      {"a tab before the colon", "Content-Length\t: 41"},
      {"a length beside one with a space", "Content-Length: 1\r\nContent-Length : 41"},
      {"a folded length", "Content-Length:\r\n 41"},
      {"a length in a fold", "X: y\r\n Content-Length: 41"},
      {"a space before the name", " Content-Length: 41"},
      {"a bare CR", "X: y\rContent-Length: 41"},
      {"a NUL", std::string("X: y\0Content-Length: 41", 23)},
      {"a bare LF after the length", "Content-Length: 41\nX: y"},
      {"a bare LF before the length", "X: y\nContent-Length: 41"},
      {"nothing", "X: y", std::string(canary), true},
      {"a misspelt length", "Content_Length: 41", std::string(canary), true},
  };
}

std::vector<framing_form> encodings() {
  const std::string body = "29\r\n" + std::string(canary) + "\r\n0\r\n\r\n";
  std::vector<framing_form> forms{
      {"chunked with a space before the colon", "Transfer-Encoding : chunked", body},
      {"chunked with a tab before the colon", "Transfer-Encoding\t: chunked", body},
      {"chunked in a fold", "Transfer-Encoding:\r\n chunked", body},
      {"chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", body},
      {"identity, then chunked", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", body},
      {"a bare LF after chunked", "Transfer-Encoding: chunked\nX: y", body},
  };
  for (const char* value :
       {"gzip, chunked", "chunked, chunked", "chunked, gzip", "identity", "chunked;q=1",
        "\x0b"
        "chunked",
        "chunked\x0b", "xchunked", "chunke", "\"chunked\"", "chunked,", ",chunked", "cow"}) {
    forms.push_back({value, "Transfer-Encoding: " + std::string(value), body});
  }
  return forms;
}

std::vector<framing_form> chunks() {
  std::vector<framing_form> forms;
  for (const char* broken : {"", "zz\r\n", "-1\r\n", "+29\r\n", "0x29\r\n", "10000000000000029\r\n",
                             "1\r\naX\r\n", "1\r\naX\r\n0\r\n\r\n", "2\r\nab\r", "1\r\na",
                             "29;\r\n\r\n", "\r\n", "0\r\nX: y\r\n", "0\r\nX\r\n"}) {
    forms.push_back({"chunks broken by " + std::string(broken), "Transfer-Encoding: chunked",
                     std::string(broken) + std::string(canary)});
  }
  return forms;
}

std::vector<framing_form> all_forms() {
  std::vector<framing_form> all = lengths();
  for (const auto& more : {encodings(), chunks()}) all.insert(all.end(), more.begin(), more.end());
  return all;
}

void send_form(workbench& w, const char* path, const framing_form& f) {
  raw_client client(w.host->port());
  REQUIRE(client.connected());
  client.send(request_head(path, form::content_type, f.fields));
  // A segment of its own, once a host that answers early has done so.
  client.readable(100);
  client.send(f.body);
  client.readable(30);
  client.end_of_data();
  client.read_all();
}

}  // namespace

TEST_CASE("No form of framing lets a body run") {
  FOR_EACH_HOST(which) {
    workbench w(which);
    w.start();
    for (const framing_form& f : all_forms()) {
      if (f.only_where_dropped && !w.host->drops_fields()) continue;
      for (const char* path : {"/upload", "/refused", "/refused-bare"}) {
        INFO(f.why << " to " << path);
        const int before = w.host->canaries;
        send_form(w, path, f);
        REQUIRE(w.settled());
        CHECK(w.host->canaries == before);
      }
    }
    CHECK(stored(w.store) == 0);
    curl_client client;
    CHECK(client.get(w.url("/canary")).status == 200);  // it does run
    CHECK(w.host->canaries > 0);
  }
}

TEST_CASE("A form in broken chunks is not stored") {
  const std::string whole = form().file("file", "a.bin", "data").end();
  char size[32];
  std::snprintf(size, sizeof size, "%zx", whole.size());
  const std::string digits = size;
  const std::string chunk = digits + "\r\n" + whole;
  const std::vector<std::string> wires{
      chunk,
      chunk + "\r",
      chunk + "\r\n",
      chunk + "\r\n0",
      chunk + "\r\n0\r\n",
      chunk + "\r\n0\r\n\r",
      chunk + "XX0\r\n\r\n",
      chunk + "XX\r\n0\r\n\r\n",
      chunk + "\r\nzz\r\n",
      chunk + "\r\n-1\r\n\r\n",
      "+" + chunk + "\r\n0\r\n\r\n",
      "-" + chunk + "\r\n0\r\n\r\n",
      "0x" + chunk + "\r\n0\r\n\r\n",
  };
  FOR_EACH_HOST(which) {
    workbench w(which);
    w.start();
    for (const std::string& wire : wires) {
      INFO(wire);
      raw_client client(w.host->port());
      REQUIRE(client.connected());
      client.send(request_head("/upload", form::content_type, "Transfer-Encoding: chunked"));
      client.send(wire);
      client.end_of_data();
      CHECK(status_of(client.read_all()) != 200);
      REQUIRE(w.settled());
      CHECK(stored(w.store) == 0);
      CHECK(w.dir.files() == 0);
    }
  }
}

TEST_CASE("Chunks may have extensions and trailers, and come in pieces of any size") {
  const std::string data = noise(300);
  const std::string whole = form().file("file", "a.bin", data).end();
  std::string wire;
  for (std::size_t at = 0, n = 1; at < whole.size(); at += n, n += 7) {
    const std::string piece = whole.substr(at, n);
    char size[32];
    std::snprintf(size, sizeof size, "%03zX", piece.size());
    wire += size + std::string(at % 2 == 0 ? ";name=\"value\"" : "") + "\r\n" + piece + "\r\n";
  }
  wire += "000\r\nX-Sum: 1\r\n\r\n";
  FOR_EACH_HOST(which) {
    workbench w(which);
    w.start();
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, wire.size()}) {
      raw_client client(w.host->port());
      REQUIRE(client.connected());
      client.send(request_head("/upload", form::content_type, "Transfer-Encoding: chunked"));
      for (std::size_t at = 0; at < wire.size(); at += step) client.send(wire.substr(at, step));
      const std::string got = client.read_answer();
      INFO("by " << step << ": " << got);
      REQUIRE(status_of(got) == 200);
    }
    const auto page = w.store.list("", 10);
    REQUIRE(page->objects.size() == 3);
    for (const auto& o : page->objects) CHECK(sha256(read_object(w.store, o.key)) == sha256(data));
  }
}

TEST_CASE("Chunks in HTTP/1.0 end the connection") {
  // RFC 9112 6.1: whoever sent or forwarded that may not have understood it.
  // The body is a form, after which nothing but that speaks against going on.
  const std::string whole = form().file("file", "a.bin", "data").end();
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", whole.size());
  const std::string body = size + whole + "\r\n0\r\n\r\n";
  FOR_EACH_HOST(which) {
    workbench w(which);
    w.start();
    for (const char* path : {"/upload", "/refused", "/refused-bare"}) {
      INFO(path);
      raw_client client(w.host->port());
      REQUIRE(client.connected());
      client.send("POST " + std::string(path) +
                  " HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nContent-Type: " +
                  std::string(form::content_type) + "\r\nTransfer-Encoding: chunked\r\n\r\n" +
                  body);
      client.send(canary);
      client.end_of_data();
      client.read_all();
      REQUIRE(w.settled());
      CHECK(w.host->canaries == 0);
    }
  }
}

TEST_CASE("Framing that is refused ends the connection") {
  FOR_EACH_HOST(which) {
    workbench w(which);
    w.start();
    for (const char* fields : {"Content-Length: 5, 5", "Transfer-Encoding: gzip, chunked",
                               "Content-Length : 5", "X: y"}) {
      for (const char* path : {"/upload", "/refused"}) {
        INFO(fields << " to " << path);
        if (fields == std::string("X: y") && !w.host->drops_fields()) continue;
        raw_client client(w.host->port());
        REQUIRE(client.connected());
        client.send(request_head(path, form::content_type, fields));
        client.readable(20000);
        client.end_of_data();
        client.read_all();
        CHECK(client.at_end());
      }
    }
    CHECK(stored(w.store) == 0);
  }
}

TEST_CASE("A client that ends its side in the middle of a body is let go") {
  const std::string whole = form().file("file", "a.bin", noise(5000)).end();
  FOR_EACH_HOST(which) {
    workbench w(which);
    w.start();
    for (const bool chunked : {false, true}) {
      for (const std::size_t cut : {std::size_t{0}, std::size_t{20}, whole.size() - 1}) {
        INFO("chunked " << chunked << " cut at " << cut);
        raw_client client(w.host->port());
        REQUIRE(client.connected());
        client.send(request_head("/upload", form::content_type,
                                 chunked ? "Transfer-Encoding: chunked" : length_of(whole.size())));
        client.send((chunked ? "ffff\r\n" : "") + whole.substr(0, cut));
        client.end_of_data();
        client.read_all();
        CHECK(client.at_end());
      }
    }
    REQUIRE(w.settled());
    CHECK(stored(w.store) == 0);
    CHECK(w.dir.files() == 0);
  }
}

TEST_CASE("A client is told when its chunks end the connection") {
  const std::string whole = form().file("file", "a.bin", "data").end();
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", whole.size());
  FOR_EACH_HOST(which) {
    workbench w(which);
    if (w.host->pipelines()) continue;
    w.start();
    raw_client client(w.host->port());
    REQUIRE(client.connected());
    client.send(request_head("/upload", form::content_type, "Transfer-Encoding: chunked") + size +
                whole + "\r\n0\r\n\r\n" + std::string(canary));
    const std::string got = client.read_all();
    CHECK(status_of(got) == 200);
    CHECK(got.find("Connection: close\r\n") != std::string::npos);
    CHECK(client.at_end());
    CHECK(w.host->canaries == 0);
  }
}

TEST_CASE("Requests behind an upload with a length are served") {
  const std::string whole = form().file("file", "a.bin", noise(5000)).end();
  const std::string one =
      request_head("/upload", form::content_type, length_of(whole.size())) + whole;
  FOR_EACH_HOST(which) {
    workbench w(which);
    if (!w.host->pipelines()) continue;
    w.start();
    raw_client client(w.host->port());
    REQUIRE(client.connected());
    client.send(one + one + one);
    CHECK(eventually([&] { return stored(w.store) == 3; }));
  }
}
