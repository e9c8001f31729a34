// s3/certificates.hpp - an authority of our own, and certificates that it issues.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <asio/ssl.hpp>
#include <cstdlib>
#include <memory>
#include <string>

namespace upstow_test {

struct certificate {
  std::shared_ptr<EVP_PKEY> key;
  std::shared_ptr<X509> made;

  std::string pem() const {
    const std::shared_ptr<BIO> out(BIO_new(BIO_s_mem()), BIO_free);
    PEM_write_bio_X509(out.get(), made.get());
    char* at = nullptr;
    const long size = BIO_get_mem_data(out.get(), &at);
    return {at, static_cast<std::size_t>(size)};
  }
};

/// For `names`, as openssl.cnf writes them ("IP:127.0.0.1,DNS:localhost"), issued by `issuer`, or
/// by itself. `days` until it ends: negative for one that has ended.
inline certificate issue(const std::string& names, const certificate* issuer, int days = 1) {
  certificate c{{EVP_EC_gen("P-256"), EVP_PKEY_free}, {X509_new(), X509_free}};
  static long serial = 0;
  X509_set_version(c.made.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(c.made.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(c.made.get()), -86400 * 9);
  X509_gmtime_adj(X509_getm_notAfter(c.made.get()), 86400L * days);
  X509_set_pubkey(c.made.get(), c.key.get());
  const std::string title = "test " + std::to_string(serial);
  X509_NAME* const subject = X509_get_subject_name(c.made.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(title.c_str()), -1, -1, 0);
  const certificate& by = issuer != nullptr ? *issuer : c;
  X509_set_issuer_name(c.made.get(), X509_get_subject_name(by.made.get()));
  const auto extend = [&](int what, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, by.made.get(), c.made.get(), nullptr, nullptr, 0);
    const std::shared_ptr<X509_EXTENSION> e(X509V3_EXT_conf_nid(nullptr, &context, what, value),
                                            X509_EXTENSION_free);
    if (!e) std::abort();
    X509_add_ext(c.made.get(), e.get(), -1);
  };
  extend(NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!names.empty()) extend(NID_subject_alt_name, names.c_str());
  X509_sign(c.made.get(), by.key.get(), EVP_sha256());
  return c;
}

inline asio::ssl::context server_context(const certificate& c) {
  asio::ssl::context made(asio::ssl::context::tls_server);
  SSL_CTX_use_certificate(made.native_handle(), c.made.get());
  SSL_CTX_use_PrivateKey(made.native_handle(), c.key.get());
  return made;
}

}  // namespace upstow_test
