// A multipart body written down in the order in which it is sent.
#pragma once

#include <string>
#include <string_view>

struct form {
  static constexpr std::string_view content_type = "multipart/form-data; boundary=XyZ";

  form& text(std::string_view name, std::string_view value) {
    body += "--XyZ\r\nContent-Disposition: form-data; name=\"" + std::string(name) + "\"\r\n\r\n";
    body += std::string(value) + "\r\n";
    return *this;
  }
  form& file(std::string_view name, std::string_view filename, std::string_view data,
             std::string_view type = "application/octet-stream") {
    body += "--XyZ\r\nContent-Disposition: form-data; name=\"" + std::string(name) +
            "\"; filename=\"" + std::string(filename) + "\"\r\n";
    body += "Content-Type: " + std::string(type) + "\r\n\r\n" + std::string(data) + "\r\n";
    return *this;
  }
  std::string end() const { return body + "--XyZ--\r\n"; }

  std::string body;
};

/// A name as HTML 4.10.22.8 has it written: the three characters that could end it are escaped.
inline std::string form_escaped(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '"') out += "%22";
    if (c == '\r') out += "%0D";
    if (c == '\n') out += "%0A";
    if (c != '"' && c != '\r' && c != '\n') out += c;
  }
  return out;
}
