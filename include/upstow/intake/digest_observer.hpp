// upstow/intake/digest_observer.hpp - digests of files in the same pass, and whether they are what
// the client said (component digest).
//
//   upstow::digest_observer digests;  // SHA-256 of every file
//   upstow::session s{store, policy, head, {.observers = {&digests}}};
//   ... s.result().files[0].digests[0].hex()
//
// A digest that was asked for is published with the file's metadata. One that the client sends is
// compared: what was damaged on its way is never stored. That is no protection from the client, who
// chooses both. One observer for each session; it keeps no byte of the body.
//
//   upstow::digest_observer digests{
//       {.algorithms = {upstow::digest_algorithm::sha_256, upstow::digest_algorithm::md5},
//        .request = upstow::request_digest::require,
//        .fields = {{.file = "photo", .text = "photo_md5",
//                    .algorithm = upstow::digest_algorithm::md5}}}};
//
// Errors: bad_digest_field, digest_unverifiable, digest_mismatch; then broken() has the HTTP or
// form field that the digest came in, the algorithm, and in hex what was expected and what was
// found. bad_policy if the options ask for an algorithm that OpenSSL lacks as it is configured.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "upstow/digest_value.hpp"
#include "upstow/intake/observer.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// What becomes of the Content-Digest, Repr-Digest (RFC 9530) and Content-MD5 (RFC 1864) of the
/// request. They are of the body as it was received, before its Content-Encoding is undone; for a
/// request that is all of its representation, Repr-Digest is of the same bytes.
enum class request_digest : std::uint8_t {
  ignore,   ///< not looked at
  verify,   ///< all that are sent in an algorithm of digest_algorithm; others are ignored
  require,  ///< and a request without one of those is digest_unverifiable
};

/// A digest that comes as text in a form field of its own, before or behind its file.
struct field_digest {
  std::string file = {};  ///< the field of the file
  std::string text = {};  ///< the field of the digest, in hex or base64
  digest_algorithm algorithm = digest_algorithm::sha_256;
};

struct digest_options {
  /// Of every file; these are published. So is the algorithm of `fields` for the files it names.
  std::vector<digest_algorithm> algorithms = {digest_algorithm::sha_256};

  /// By default a malformed field is refused, and so is a digest that cannot be verified: one whose
  /// bytes the host did not keep (head::length_is_wire is false), or that OpenSSL cannot compute.
  /// RFC 9530 would let it be ignored; but a client that sent it does not expect that.
  request_digest request = request_digest::verify;

  /// Content-Digest and Content-MD5 in the headers of a part that is a file. RFC 7578 4.8 has them
  /// ignored; where they are sent nevertheless, they are meant.
  bool part_headers = true;

  /// Judged when all fields are there. The n-th file of a field belongs to the n-th value of the
  /// other one, and as many must come, but where none comes nothing is compared: a rule that says
  /// `required` is the way to insist. An empty value says nothing of its file.
  std::vector<field_digest> fields = {};
};

/// What is wrong with the head or the options is told before the first byte of the body, and what
/// is wrong with a part's headers before the first byte of the part. A file that is not what the
/// headers of its part say is refused alone (vote::refuse); all else rejects the request.
///
/// Each byte costs the time of each algorithm once, however many digests of one kind are asked for;
/// a raw body without Content-Encoding and its file are the same bytes. Of a form a client can ask
/// for all five, of the body and of each file: about ten times the time of SHA-256 alone, which
/// request_digest::ignore and part_headers = false deny it.
class UPSTOW_API digest_observer final : public observer {
 public:
  explicit digest_observer(digest_options options = {});
  ~digest_observer() override;

  vote head(const upstow::head& request) override;
  vote part_head(const upstow::part_head& part) override;
  void data(bytes data) override;
  void body(bytes data) override;
  vote part_end(file_record& file) override;
  vote all_fields(const outcome& request) override;
  /// Of the last refuse or reject. What rejects the request stays.
  failure error() const noexcept override;
  rule_violation broken() const override;

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
