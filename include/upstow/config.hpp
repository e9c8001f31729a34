// upstow/config.hpp - version, visibility, and the two ways to build the library.
//
// Compiled (the default): link upstow::upstow; the bodies live in src/ and are built once.
// Header-only: link upstow::header_only, which defines UPSTOW_HEADER_ONLY; every header then pulls
// in its own body. The two live in different inline namespaces, so mixing them in one program gives
// distinct types and a link error instead of a silent ODR violation.
#pragma once

#define UPSTOW_VERSION_MAJOR 0
#define UPSTOW_VERSION_MINOR 1
#define UPSTOW_VERSION_PATCH 0
#define UPSTOW_VERSION_STRING "0.1.0"

#if defined(UPSTOW_HEADER_ONLY)
#define UPSTOW_ABI v1_header_only
#define UPSTOW_API
#define UPSTOW_INLINE inline
#else
#define UPSTOW_ABI v1
#define UPSTOW_INLINE
#if defined(_WIN32)
#define UPSTOW_API  // static only on Windows
#else
#define UPSTOW_API __attribute__((visibility("default")))
#endif
#endif

/// The library builds with and without exceptions; this tells which one is being compiled.
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define UPSTOW_EXCEPTIONS 1
#else
#define UPSTOW_EXCEPTIONS 0
#endif
