// noded/file_receiver.hpp — files that sbcast and srun --bcast send block by block, written with their owner's rights.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "exec/fd.hpp"
#include "noded/node_context.hpp"
#include "wire/msg/file_bcast.hpp"

namespace flurm::noded {

class FileReceiver {
 public:
  explicit FileReceiver(NodeContext& node) : node_(node) {}

  /// REQUEST_FILE_BCAST. uid, gid: of who asks. Blocks of a file come one after the other.
  io::Task<Errc> receive(wire::FileBcast block, std::uint32_t uid, std::uint32_t gid);

  /// Where the libraries of the step's program went (srun --bcast --send-libs); empty where none came.
  std::string libraries(std::uint32_t uid, std::uint32_t job_id, std::uint32_t step_id) const;
  /// What was sent to a job that is over.
  void forget(std::uint32_t job_id);

  static constexpr std::size_t kTransfersMax = 256;
  static constexpr std::int64_t kStalledS = 300;
  static constexpr std::size_t kBlockMax = 64u << 20;  ///< unpacked

 private:
  struct Key {
    std::uint32_t uid, job_id;
    std::string path;
    auto operator<=>(const Key&) const = default;
  };
  struct Transfer {
    exec::Fd file;
    std::string signature;  ///< of the credential that was verified for the first block
    std::uint32_t next_block = 1;
    TimeS touched;
    bool busy = false;  ///< a block is being written
  };
  struct LibraryKey {
    std::uint32_t uid, job_id, step_id;
    auto operator<=>(const LibraryKey&) const = default;
  };

  io::Task<Errc> check(wire::FileBcast block, std::uint32_t uid, std::uint32_t gid, bool known);
  io::Task<Errc> open(wire::FileBcast block, Key key);
  void drop_stalled();

  NodeContext& node_;
  std::map<Key, std::shared_ptr<Transfer>> transfers_;
  std::map<LibraryKey, std::string> libraries_;
};

/// The name a file gets in a directory (a path that ends with '/'), which the step's program is started by as well.
std::string broadcast_path(std::string path, std::uint32_t job_id, std::uint32_t step_id, const std::string& node_name);

}  // namespace flurm::noded
