#include "clamd_link.hpp"

#include <algorithm>
#include <cerrno>

namespace upstow {
inline namespace UPSTOW_ABI {
namespace clamd_detail {

namespace {

constexpr std::string_view command("zINSTREAM\0", 10);

// A Unix socket does not queue for a place in the queue: EAGAIN, and poll() knows nothing of it.
// clamd takes all that wait in less than this; Debian sets up a queue of 15.
constexpr std::chrono::milliseconds queue_full_pause{10};

bool is_later(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

bool is_plain_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > longest_signature) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    const bool digit = c >= '0' && c <= '9';
    return letter || digit || std::string_view("._-/()").find(c) != std::string_view::npos;
  });
}

finding judge_answer(std::string_view answer, bool whole) noexcept {
  constexpr std::string_view before = "stream: ", after = " FOUND";
  if (answer == "INSTREAM size limit exceeded. ERROR") return {.what = verdict::too_large};
  if (answer == "stream: OK") {
    // Of a file that it has not seen to its end nobody can say this.
    if (whole) return {.what = verdict::clean};
    return {.what = verdict::unavailable, .cause = EPROTO};
  }
  if (answer.size() > before.size() + after.size() && answer.starts_with(before) &&
      answer.ends_with(after)) {
    finding f{.what = verdict::found};
    answer.remove_prefix(before.size());
    answer.remove_suffix(after.size());
    if (!is_plain_name(answer)) return f;
    std::copy(answer.begin(), answer.end(), f.signature.begin());
    f.signature_size = answer.size();
    return f;
  }
  return {.what = verdict::unavailable, .cause = EPROTO};
}

void link::connect(std::span<const address> addresses, time_point now) noexcept {
  retry_at_.reset();
  int error = EADDRNOTAVAIL;
  for (addresses_ = addresses; !addresses_.empty(); addresses_ = addresses_.subspan(1)) {
    error = connect_to(addresses_.front(), socket_);
    if (error == 0) return connected(0, now);
    if (error == EINPROGRESS) return;
    if (is_later(error)) return static_cast<void>(retry_at_ = now + queue_full_pause);
  }
  give_up(error);
}

void link::connected(int error, time_point now) noexcept {
  if (error != 0 && addresses_.size() > 1) return connect(addresses_.subspan(1), now);
  if (error != 0) return give_up(error);
  connected_ = true;
  deadline_.reset();
  std::copy(command.begin(), command.end(), control_.begin());
  control_size_ = command.size();
  scan_->grant();
}

pollfd link::interest() const noexcept {
  if (retry_at_) return {-1, 0, 0};
  const short write = !connected_ || wants_to_write() ? POLLOUT : 0;
  const short read = connected_ ? POLLIN : 0;
  return {socket_.get(), static_cast<short>(read | write), 0};
}

bool link::wants_to_write() const noexcept {
  if (control_sent_ < control_size_) return true;
  const scan::pending left = scan_->to_send();
  return left.size() > 0 || (left.ended && !end_made_);
}

void link::turn(short events, time_point now) noexcept {
  if (scan_->dropped()) return close();
  constexpr short readable = POLLIN | POLLHUP | POLLERR;
  if (retry_at_) {
    if (now >= *retry_at_) connect(addresses_, now);
  } else if (!connected_) {
    if (events != 0) connected(connect_error(socket_), now);
  } else {
    // Reading first: whoever closes early has said why, and writing would only find the door shut.
    if ((events & readable) != 0) read();
    if (!over() && (events & POLLOUT) != 0) write();
  }
  if (!over()) keep_time(now);
}

void link::read() noexcept {
  std::size_t n = 0;
  const auto room = std::span(answer_).subspan(answer_size_);
  const int error = read_some(socket_, room.data(), room.size(), n);
  if (is_later(error)) return;
  if (error != 0) return give_up(error);
  if (n == 0) return give_up(ECONNRESET);
  const std::string_view before(answer_.data(), answer_size_);
  answer_size_ += n;
  const std::string_view all(answer_.data(), answer_size_);
  const std::size_t end = all.find('\0', before.size());
  if (end == std::string_view::npos) {
    if (answer_size_ == answer_.size()) give_up(EMSGSIZE);
    return;
  }
  settle(judge_answer(all.substr(0, end), end_made_ && control_left().empty()));
}

/// Chooses what comes next: a length, of all that waits now, or the end.
void link::next_frame(const scan::pending& left) noexcept {
  const auto length = static_cast<std::uint32_t>(left.size());  // at most buffer_bytes
  if (length == 0 && (!left.ended || end_made_)) return;
  for (unsigned i = 0; i < 4; ++i) {
    control_[i] = static_cast<unsigned char>((length >> (8 * (3 - i))) & 0xFF);
  }
  control_size_ = 4;
  control_sent_ = 0;
  frame_left_ = length;
  end_made_ = length == 0;
}

void link::write() noexcept {
  scan::pending left = scan_->to_send();
  if (control_left().empty() && frame_left_ == 0) next_frame(left);
  // Of the bytes that came since the length was sent, none belongs to this frame.
  left.first = left.first.first(std::min(left.first.size(), frame_left_));
  left.second = left.second.first(std::min(left.second.size(), frame_left_ - left.first.size()));
  if (control_left().empty() && left.size() == 0) return;
  std::size_t n = 0;
  const int error = send_some(socket_, control_left(), left.first, left.second, n);
  if (is_later(error)) return;
  if (error != 0) {
    read();  // the answer may have come in between
    if (!over()) give_up(error);
    return;
  }
  deadline_.reset();
  const std::size_t of_control = std::min(n, control_left().size());
  control_sent_ += of_control;
  frame_left_ -= n - of_control;
  scan_->sent(n - of_control);
}

/// The deadline for clamd to move; none while it waits for the client.
void link::keep_time(time_point now) noexcept {
  if (connected_) {
    if (!end_made_ && !wants_to_write()) return deadline_.reset();
    if (!deadline_) deadline_ = now + answer_timeout_;
  }
  if (deadline_ && now >= *deadline_) give_up(ETIMEDOUT);
}

void link::close() noexcept {
  over_ = true;
  socket_ = descriptor();
}

void link::settle(const finding& f) noexcept {
  close();
  scan_->settle(f);
}

}  // namespace clamd_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
