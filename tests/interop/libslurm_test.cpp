// tests/interop/libslurm_test.cpp — every message we describe, against Debian's own library at protocol 22.05.
//
// Goal: our bytes are Slurm's bytes. Method: a random message is packed by us and unpacked by libslurmfull, which
// must consume all of it; then the library packs what it understood, and the result must equal ours byte for byte.
// Each message type runs in its own process, because the library ends the process when it is displeased.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>

#include "consistent.hpp"
#include "gtest/gtest.h"
#include "libslurm.hpp"
#include "wire/registry.hpp"

namespace flurm::interop {
namespace {

using wire::MessageInfo, wire::MsgType;
constexpr int kSeeds = 200;

std::string hex_around(const std::string& bytes, std::size_t at) {
  std::string text;
  for (std::size_t i = at < 8 ? 0 : at - 8; i < bytes.size() && i < at + 16; ++i) {
    text += fmt::format("{}{:02x}", i == at ? "|" : "", static_cast<unsigned char>(bytes[i]));
  }
  return text;
}

/// Empty: all is well.
std::string compare(LibSlurm& library, const MessageInfo& info, std::uint64_t seed) {
  wire::AnyMessage message = info.fuzz(seed, wire::v22_05);
  make_consistent(info.type, message.get());
  std::string ours = info.pack(message.get(), wire::v22_05);
  LibSlurm::Outcome theirs =
      library.round_trip(static_cast<std::uint16_t>(info.type), ours, !one_way_reason(info.type));
  std::string dump = "\n" + info.dump(message.get(), wire::v22_05);
  if (!theirs.unpacked)
    return fmt::format("seed {}: refused by the library, {} of {} bytes left", seed, theirs.left_over, ours.size()) +
           dump;
  if (theirs.left_over != 0) return fmt::format("seed {}: {} bytes not consumed", seed, theirs.left_over) + dump;
  if (one_way_reason(info.type)) return "";
  std::size_t at = 0;
  while (at < ours.size() && at < theirs.repacked.size() && ours[at] == theirs.repacked[at]) ++at;
  if (at == ours.size() && at == theirs.repacked.size()) return "";
  return fmt::format("seed {}: byte {} of {} differs (theirs {}): ours {} theirs {}", seed, at, ours.size(),
                     theirs.repacked.size(), hex_around(ours, at), hex_around(theirs.repacked, at)) +
         dump;
}

class Interop : public ::testing::TestWithParam<const MessageInfo*> {};

TEST_P(Interop, bytes_are_slurms) {
  const MessageInfo& info = *GetParam();
  std::string folder = std::filesystem::temp_directory_path() / fmt::format("flurm-interop-{}", getpid());
  std::filesystem::create_directories(folder);
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  pid_t child = fork();
  if (child == 0) {
    close(pipe_ends[0]);
    LibSlurm library(folder);
    std::string problem;
    for (std::uint64_t seed = 0; seed < kSeeds && problem.empty(); ++seed) problem = compare(library, info, seed);
    if (write(pipe_ends[1], problem.data(), problem.size()) < 0) _exit(2);
    _exit(0);
  }
  close(pipe_ends[1]);
  std::string problem(1 << 16, '\0');
  std::size_t size = 0;
  for (ssize_t n; (n = read(pipe_ends[0], problem.data() + size, problem.size() - size)) > 0;)
    size += static_cast<std::size_t>(n);
  problem.resize(size);
  close(pipe_ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  std::filesystem::remove_all(folder);
  EXPECT_EQ(problem, "");
  EXPECT_EQ(status, 0) << "the library ended the process";
}

std::vector<const MessageInfo*> rows_of_22_05() {
  std::vector<const MessageInfo*> rows;
  for (const MessageInfo& info : wire::messages()) {
    if (info.in(wire::v22_05)) rows.push_back(&info);
  }
  return rows;
}

INSTANTIATE_TEST_SUITE_P(All, Interop, ::testing::ValuesIn(rows_of_22_05()),
                         [](const auto& each) { return std::string(each.param->name()); });

}  // namespace
}  // namespace flurm::interop
