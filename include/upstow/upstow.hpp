// upstow/upstow.hpp - file uploads inside your own HTTP server.
//
// You get: a strict streaming multipart parser, a policy that is checked while bytes arrive, and
// stores that show a file only when it is whole.
//
//   auto store = upstow::filesystem_store::open({.root = "/srv/uploads"});
//   if (!store) return complain(upstow::describe(store.error().code).title);
//   const upstow::policy policy{.limits = {.total_bytes = 100 * upstow::MiB}};
//   const upstow::outcome got = upstow::receive({.content_type = type}, read, policy, *store);
//   if (got.ok()) for (const auto& f : got.files) index(f.key, f.filename.untrusted());
//
// Reads top to bottom: values, then the layers, each using only those before it.
#pragma once

#include "upstow/bytes.hpp"
#include "upstow/config.hpp"
#include "upstow/digest_value.hpp"
#include "upstow/error.hpp"
#include "upstow/head.hpp"
#include "upstow/limits.hpp"
#include "upstow/read_buffer.hpp"
#include "upstow/result.hpp"
#include "upstow/untrusted_name.hpp"
#include "upstow/waker.hpp"

#include "upstow/parse/content_decoder.hpp"
#include "upstow/parse/dialect.hpp"
#include "upstow/parse/digest_field.hpp"
#include "upstow/parse/disposition.hpp"
#include "upstow/parse/header_value.hpp"
#include "upstow/parse/multipart_parser.hpp"
#include "upstow/parse/multipart_writer.hpp"
#include "upstow/parse/transfer_decoder.hpp"
#include "upstow/parse/urlencoded_parser.hpp"

#include "upstow/check/agreement.hpp"
#include "upstow/check/describe.hpp"
#include "upstow/check/display_name.hpp"
#include "upstow/check/filename.hpp"
#include "upstow/check/image_probe.hpp"
#include "upstow/check/image_search.hpp"
#include "upstow/check/json_text.hpp"
#include "upstow/check/policy.hpp"
#include "upstow/check/sniff.hpp"

#include "upstow/store/each_alone.hpp"
#include "upstow/store/memory_budget.hpp"
#include "upstow/store/memory_store.hpp"
#include "upstow/store/plain_store.hpp"
#include "upstow/store/route_store.hpp"
#include "upstow/store/spooled_store.hpp"
#include "upstow/store/store.hpp"
#include "upstow/store/tee_store.hpp"
#include "upstow/store/threaded_store.hpp"
#if !defined(UPSTOW_HEADER_ONLY)
#include "upstow/store/filesystem_store.hpp"
#endif

#include "upstow/intake/ingest.hpp"
#include "upstow/intake/observer.hpp"
#include "upstow/intake/outcome.hpp"
#include "upstow/intake/receive.hpp"
#include "upstow/intake/response.hpp"
#include "upstow/intake/session.hpp"
#include "upstow/intake/verify.hpp"
