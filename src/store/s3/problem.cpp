#include "upstow/store/s3_client.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3 {

problem_text describe(problem what) noexcept {
  switch (what) {
    case problem::none: return {"none", "", ""};
    case problem::other:
      return {"other", "The S3 service refused the call", "look into the log of the service"};
    case problem::name_not_found:
      return {"name-not-found", "The host of the endpoint does not exist",
              "check how the endpoint is spelt, and the DNS of this machine; in virtual-host style "
              "the bucket is a part of the name"};
    case problem::no_connection:
      return {
          "no-connection", "There is no connection to the S3 service",
          "check host and port of the endpoint, that the service runs, and that this program may "
          "open more files"};
    case problem::timed_out:
      return {"timed-out", "The S3 service did not answer in time",
              "look whether the service is overloaded, or raise the deadlines"};
    case problem::untrusted:
      return {"untrusted", "The certificate of the S3 service has no trusted issuer",
              "give ca_file the certificate of the authority that issued it"};
    case problem::wrong_host:
      return {"wrong-host", "The certificate of the S3 service is for another host",
              "use the name that the certificate has as endpoint, and path style if the bucket's "
              "name has dots"};
    case problem::tls:
      return {"tls", "The S3 service and this program cannot agree on TLS",
              "check that the port speaks https, with TLS 1.2 or newer"};
    case problem::bad_answer:
      return {"bad-answer", "What answers there does not speak S3",
              "check host and port of the endpoint, and what a proxy between does"};
    case problem::busy: return {"busy", "The S3 service is overloaded or ill", "try again later"};
    case problem::conflict:
      return {"conflict", "Somebody else writes the same key at the moment", "try again later"};
    case problem::key_taken:
      return {"key-taken", "There is already an object of that key", "choose another key"};
    case problem::no_object: return {"no-object", "There is no such object", "check the key"};
    case problem::no_bucket:
      return {"no-bucket", "The bucket does not exist",
              "create the bucket, or check how its name is spelt, and whether the service wants "
              "path style"};
    case problem::no_upload:
      return {"no-upload", "The multipart upload does not exist any more",
              "upload again; let a lifecycle rule or a sweep wait longer if uploads take longer"};
    case problem::no_keys:
      return {"no-keys", "There are no credentials to sign with",
              "look at where they come from: the environment, the file, or your own provider"};
    case problem::denied:
      return {
          "denied", "The access key may not do this",
          "give it s3:PutObject, s3:GetObject, s3:DeleteObject, s3:AbortMultipartUpload and the "
          "list permissions on the bucket"};
    case problem::wrong_key:
      return {"wrong-key", "The access key id is unknown there", "check the access key id"};
    case problem::wrong_secret:
      return {"wrong-secret", "The secret does not belong to the access key id",
              "check the secret key, also for a missing or extra character at its end"};
    case problem::expired:
      return {"expired", "The temporary credentials are no longer valid", "fetch new ones"};
    case problem::clock_skew:
      return {"clock-skew", "The clocks of this machine and of the service differ too much",
              "set the clock"};
    case problem::wrong_region:
      return {"wrong-region", "The bucket is in another region",
              "set the region, and the endpoint, to those of the bucket"};
    case problem::damaged:
      return {"damaged", "The data was changed on its way to the S3 service",
              "use https, and look for a proxy that rewrites"};
    case problem::bad_part:
      return {"bad-part", "Parts of a multipart upload are missing, too small or too many",
              "use parts of at least 5 MiB and at most 10,000 of them"};
    case problem::too_large:
      return {"too-large", "The object is larger than the service takes",
              "lower the limit of the policy, or send it in more parts"};
    case problem::full:
      return {"full", "The space or the quota of the S3 service is used up", "free or raise it"};
    case problem::unsupported:
      return {"unsupported", "The S3 service does not have this call or header",
              "choose the profile of the service, or generic"};
    case problem::undecided:
      return {"undecided", "It is not known whether the object was stored",
              "look for it before sending it again"};
  }
  return {"other", "", ""};
}

}  // namespace s3
}  // namespace UPSTOW_ABI
}  // namespace upstow
