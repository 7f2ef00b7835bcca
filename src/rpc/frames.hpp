// rpc/frames.hpp — frames from and to a stream, and the work on them that workers do.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "auth/munge.hpp"
#include "io/stream.hpp"
#include "rpc/message.hpp"

namespace flurm::rpc {

/// What read_frame() has read but not yet used stays in `buffer`, for the next call on the same stream.
/// Errors: closed (buffer empty: nothing came at all), timed_out, protocol_insane_length, io.
io::Task<Result<std::string>> read_frame(io::Stream& stream, std::string& buffer, std::uint32_t bytes_max,
                                         io::Deadline deadline);

/// A refused request, and what the peer is told, if anything.
struct Refusal {
  Error error;
  std::string answer;  // a frame; empty: close without a word
};

struct OpenOptions {
  bool accept_replayed = false;
  /// Answers may come without a credential from 23.02 on; requests never.
  bool is_answer = false;
  /// It is to be passed on, and its credential meant for the one who gets it: only they can decode it.
  bool for_another = false;
};

/// Worker: takes the frame apart, decodes the credential, compares the body's hash, unpacks the body.
std::expected<Message, Refusal> open_frame(std::string frame, const auth::Munge& munge, const OpenOptions& options);

/// Worker: header, credential bound to the body, body. Errors: auth_cred_invalid.
Result<std::string> seal_frame(wire::Header header, std::string_view body, const auth::Munge& munge,
                               std::optional<uid_t> restrict_uid);

/// u32 length, u16 type, body: a frame of a persistent connection.
std::string bare_frame(wire::MsgType type, std::string_view body);
/// Takes such a frame apart and unpacks it. Errors: corrupt.
Result<Message> open_bare_frame(std::string frame, std::uint16_t version);

}  // namespace flurm::rpc
