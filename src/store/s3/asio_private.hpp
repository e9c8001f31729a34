// src/store/s3/asio_private.hpp - Asio under a name of our own.
//
// Asio is headers alone, so a static library brings its functions into a user's program, where the
// linker would merge them with those of the Asio that the user compiled: another version, or the
// same with other macros, has other layouts. As `upstow_s3_asio` they are other functions.
#pragma once

#if defined(ASIO_VERSION)
#error "no header may include Asio before this one"
#endif
#define asio upstow_s3_asio
// Coroutines are not used, and old versions look for those of Clang where they no longer are.
#define ASIO_DISABLE_CO_AWAIT 1
// Asio asks the standard library's macros how it may allocate, before it includes any of it: a file
// that includes Asio first would free with delete what another one took with aligned_alloc().
#include <cstddef>

#include <asio/connect.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/ssl.hpp>
