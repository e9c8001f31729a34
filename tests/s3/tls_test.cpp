// Who is trusted: nobody whose certificate does not lead to a trusted authority and have the name.
#include <openssl/ssl.h>

#include <future>
#include <string>
#include <string_view>

#include "s3/certificates.hpp"
#include "s3/loopback.hpp"
#include "support/catch.hpp"
#include "support/environment.hpp"
#include "support/scratch.hpp"
#include "upstow/store/socket_transport.hpp"

using namespace upstow;
using namespace upstow_test;

namespace {

const std::string local_names = "IP:127.0.0.1,DNS:localhost";

struct handshake {
  transfer how = transfer::connect_failed;
  transfer_fault fault = transfer_fault::none;
  std::string body;
  std::string heard;  // the name of the host, by the server
};

int note_name(SSL* by, int*, void* into) {
  const char* const name = SSL_get_servername(by, TLSEXT_NAMETYPE_host_name);
  if (name != nullptr) *static_cast<std::string*>(into) = name;
  return SSL_TLSEXT_ERR_OK;
}

/// Asks a server with `shown`, trusting `trusted` besides the system's authorities.
handshake ask(const certificate& shown, const certificate* trusted,
              std::string_view host = "127.0.0.1") {
  const scratch folder;
  const std::string file = (folder.path() / "ca.pem").string();
  if (trusted != nullptr) write_file(file, trusted->pem());
  handshake made;
  asio::ssl::context context = server_context(shown);
  SSL_CTX_set_tlsext_servername_callback(context.native_handle(), note_name);
  SSL_CTX_set_tlsext_servername_arg(context.native_handle(), &made.heard);
  loopback_server server({[](peer_connection& peer) {
                           while (!peer.request().empty()) peer.send_body("hello");
                         }},
                         &context);
  auto transport = socket_transport::open({.ca_file = trusted != nullptr ? file : ""});
  REQUIRE(transport);
  const http_request request{
      .method = "GET", .tls = true, .host = host, .port = server.port(), .target = "/"};
  http_response response;
  for (int i = 0; i < 2; ++i) made.how = (*transport)->send(request, response, {});
  made.fault = response.fault;
  made.body = response.body;
  transport->reset();  // the server ends when its clients have
  server.stop();
  return made;
}

}  // namespace

TEST_CASE("a certificate of a given authority is trusted", "[s3]") {
  const certificate authority = issue("", nullptr);
  const certificate leaf = issue(local_names, &authority);
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const handshake got = ask(leaf, &authority, host);
    CHECK(got.how == transfer::ok);
    CHECK(got.body == "hello");
  }
}

TEST_CASE("a server hears the name that it is asked for, and no address", "[s3]") {
  const certificate own = issue(local_names, nullptr);
  CHECK(ask(own, &own, "localhost").heard == "localhost");
  CHECK(ask(own, &own, "127.0.0.1").heard.empty());
}

TEST_CASE("the system's authorities are trusted", "[s3]") {
  const certificate own = issue(local_names, nullptr);
  const scratch folder;
  const std::string file = (folder.path() / "system.pem").string();
  write_file(file, own.pem());
  const environment_variable where_openssl_looks("SSL_CERT_FILE", file.c_str());
  CHECK(ask(own, nullptr).how == transfer::ok);
}

TEST_CASE("a peer that accepts and says nothing has the time to connect, not more", "[s3]") {
  loopback_server server({[](peer_connection& peer) { peer.wait_for_end(); }});
  const auto transport = socket_transport::open({});
  REQUIRE(transport);
  http_response response;
  CHECK((*transport)
            ->send({.method = "GET", .host = "127.0.0.1", .port = server.port(), .target = "/"},
                   response,
                   {.connect = std::chrono::milliseconds(50)}) == transfer::connect_failed);
  CHECK(response.fault == transfer_fault::timed_out);
}

TEST_CASE("a self-signed certificate is trusted only where it was given", "[s3]") {
  const certificate own = issue(local_names, nullptr);
  CHECK(ask(own, &own).how == transfer::ok);
  const handshake stranger = ask(own, nullptr);
  CHECK(stranger.how == transfer::connect_failed);
  CHECK(stranger.fault == transfer_fault::untrusted);
}

TEST_CASE("an authority nobody gave, and one that is not the issuer, are not trusted", "[s3]") {
  const certificate authority = issue("", nullptr), another = issue("", nullptr);
  const certificate leaf = issue(local_names, &authority);
  CHECK(ask(leaf, nullptr).fault == transfer_fault::untrusted);
  CHECK(ask(leaf, &another).fault == transfer_fault::untrusted);
}

TEST_CASE("a certificate for another host is refused", "[s3]") {
  const certificate authority = issue("", nullptr);
  for (const char* names : {"DNS:other.example", "IP:127.0.0.2", "DNS:127.0.0.1"}) {
    INFO(names);
    const handshake got = ask(issue(names, &authority), &authority);
    CHECK(got.how == transfer::connect_failed);
    CHECK(got.fault == transfer_fault::wrong_host);
  }
  CHECK(ask(issue("IP:127.0.0.1", &authority), &authority, "localhost").fault ==
        transfer_fault::wrong_host);
}

TEST_CASE("a certificate that has ended is refused", "[s3]") {
  const certificate authority = issue("", nullptr);
  CHECK(ask(issue(local_names, &authority, -1), &authority).fault == transfer_fault::untrusted);
}

TEST_CASE("a record behind a response is not taken for the next one", "[s3]") {
  const certificate own = issue(local_names, nullptr);
  const scratch folder;
  const std::string file = (folder.path() / "ca.pem").string();
  write_file(file, own.pem());
  asio::ssl::context context = server_context(own);
  const auto polite = [](peer_connection& peer) {
    while (!peer.request().empty()) peer.send_body("right");
  };
  std::promise<void> pushed;
  const auto pushy = [&pushed](peer_connection& peer) {
    peer.request();
    peer.send_body("first");
    peer.send_body("wrong");  // a record of its own, which nobody asked for
    peer.wait_until_there();
    pushed.set_value();
    peer.wait_for_end();
  };
  loopback_server server({pushy, polite}, &context);
  auto transport = socket_transport::open({.ca_file = file});
  REQUIRE(transport);
  const http_request request{
      .method = "GET", .host = "127.0.0.1", .port = server.port(), .target = "/"};
  for (const char* const expected : {"first", "right", "right"}) {
    http_response response;
    REQUIRE((*transport)->send(request, response, {}) == transfer::ok);
    CHECK(response.body == expected);
    if (expected == std::string_view("first")) pushed.get_future().get();
  }
  transport->reset();         // the server ends when its clients have
  CHECK(server.stop() == 2);  // and a quiet connection is kept
}

TEST_CASE("a port that does not speak TLS is told apart", "[s3]") {
  loopback_server server({[](peer_connection& peer) {
    peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    peer.wait_for_end();
  }});
  const auto transport = socket_transport::open({});
  REQUIRE(transport);
  const http_request request{
      .method = "GET", .host = "127.0.0.1", .port = server.port(), .target = "/"};
  http_response response;
  CHECK((*transport)->send(request, response, {}) == transfer::connect_failed);
  CHECK(response.fault == transfer_fault::tls);
}

TEST_CASE("a file of authorities that is none is refused at once", "[s3]") {
  const scratch folder;
  const std::string file = (folder.path() / "ca.pem").string();
  CHECK(socket_transport::open({.ca_file = file}).error().code == errc::misuse);
  write_file(file, "no certificate");
  CHECK(socket_transport::open({.ca_file = file}).error().code == errc::misuse);
}
