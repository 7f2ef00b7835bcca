// tests/interop/libslurm.hpp — Debian's libslurmfull 22.05, loaded at run time, as a second opinion on bytes.
#pragma once
#include <cstdint>
#include <string>

namespace flurm::interop {

/// The library's pack and unpack of whole message bodies. Nothing of its headers is used: the two structures we
/// touch are found by what the library writes into them.
class LibSlurm {
 public:
  /// Loads the library with a private slurm.conf in `folder`. Ends the process with a text when that fails.
  explicit LibSlurm(const std::string& folder);

  struct Outcome {
    bool unpacked = false;
    std::size_t left_over = 0;  // bytes the library did not consume
    std::string repacked;       // its own encoding of what it read
  };
  /// Unpacks `body` as a message of `type` in protocol 22.05 and packs it again.
  Outcome round_trip(std::uint16_t type, const std::string& body, bool repack);

 private:
  struct Buffer;
  /// Messages of slurmdbd have functions of their own.
  Outcome accounting_round_trip(std::uint16_t type, const std::string& body, bool repack);
  int (*unpack_dbd_)(void* msg, std::uint16_t version, Buffer* buffer) = nullptr;
  Buffer* (*pack_dbd_)(void* msg, std::uint16_t version) = nullptr;
  int (*unpack_msg_)(void* msg, Buffer* buffer) = nullptr;
  int (*pack_msg_)(void* msg, Buffer* buffer) = nullptr;
  void (*msg_init_)(void* msg) = nullptr;
  Buffer* (*create_buf_)(char* data, std::uint32_t size) = nullptr;
  Buffer* (*init_buf_)(std::uint32_t size) = nullptr;
  std::size_t type_at_ = 0;  // offset of msg_type in the message structure; the protocol version follows
};

}  // namespace flurm::interop
