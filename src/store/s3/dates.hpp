// src/store/s3/dates.hpp - the two forms in which S3 writes a time.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "text.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_detail {

using seconds_since_1970 = std::chrono::sys_seconds;

/// Numbers that are no date give nothing.
inline std::optional<seconds_since_1970> date_of(std::uint64_t year, std::uint64_t month,
                                                 std::uint64_t day, std::string_view clock) {
  using namespace std::chrono;
  if (clock.size() != 8 || clock[2] != ':' || clock[5] != ':') return std::nullopt;
  const auto h = whole_number(clock.substr(0, 2)), m = whole_number(clock.substr(3, 2)),
             s = whole_number(clock.substr(6, 2));
  if (!h || !m || !s || *h > 23 || *m > 59 || *s > 60 || year > 9999) return std::nullopt;
  if (month > 12 || day > 31) return std::nullopt;
  const year_month_day date{std::chrono::year(int(year)), std::chrono::month(unsigned(month)),
                            std::chrono::day(unsigned(day))};
  if (!date.ok()) return std::nullopt;
  return sys_days(date) + hours(*h) + minutes(*m) + seconds(*s);
}

/// "Fri, 24 May 2013 00:00:00 GMT", the form of Date (RFC 9110 5.6.7); the old ones are not sent.
inline std::optional<seconds_since_1970> http_date(std::string_view text) {
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != 29 || text.substr(25) != " GMT") return std::nullopt;
  const auto day = whole_number(text.substr(5, 2)), year = whole_number(text.substr(12, 4));
  const std::size_t month = months.find(text.substr(8, 3));
  if (!day || !year || month == std::string_view::npos || month % 3 != 0) return std::nullopt;
  return date_of(*year, month / 3 + 1, *day, text.substr(17, 8));
}

/// "2013-05-24T00:00:00.000Z", the form in documents.
inline std::optional<seconds_since_1970> document_date(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T') return std::nullopt;
  if (text.back() != 'Z') return std::nullopt;
  const auto year = whole_number(text.substr(0, 4)), month = whole_number(text.substr(5, 2)),
             day = whole_number(text.substr(8, 2));
  if (!year || !month || !day) return std::nullopt;
  return date_of(*year, *month, *day, text.substr(11, 8));
}

}  // namespace s3_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
