// stepd/io_frames_test.cpp — frames as srun reads and writes them.
#include "stepd/io_frames.hpp"

#include "gtest/gtest.h"

namespace flurm::stepd {
namespace {

using namespace std::string_literals;

TEST(IoFrames, header_and_init_have_slurms_bytes) {
  std::string frame;
  append_io_frame(frame, IoType::stderr_data, 0x1234, 2, "hi");
  EXPECT_EQ(frame, "\0\2\x12\x34\0\2\0\0\0\2hi"s);
  EXPECT_EQ(
      io_init_message({.version = 0x2600, .node_rank = 1, .stdout_streams = 2, .stderr_streams = 3, .key = "key"}),
      "\0\0\0\x16\x26\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4key\0"s);
}

std::string lengths(const std::string& frames) {
  std::string text;
  for (std::size_t at = 0; at + kIoHeaderBytes <= frames.size();) {
    const auto byte = [&](std::size_t i) {
      return static_cast<std::size_t>(static_cast<unsigned char>(frames[at + i]));
    };
    const std::size_t length = byte(6) << 24 | byte(7) << 16 | byte(8) << 8 | byte(9);
    text += std::to_string(length) + " ";
    at += kIoHeaderBytes + length;
  }
  return text;
}

TEST(IoFrames, output_is_cut_behind_lines) {
  std::string text = "one\ntwo\nthr", frames;
  EXPECT_TRUE(frame_output(text, true, false, IoType::stdout_data, 0, 0, frames));
  EXPECT_EQ(lengths(frames), "8 ");
  EXPECT_EQ(text, "thr") << "it waits for the rest of its line";
  frames.clear();
  EXPECT_FALSE(frame_output(text, true, false, IoType::stdout_data, 0, 0, frames));
  EXPECT_TRUE(frame_output(text, true, true, IoType::stdout_data, 0, 0, frames));
  EXPECT_EQ(lengths(frames), "3 ");
  EXPECT_EQ(text, "");
}

TEST(IoFrames, no_frame_is_longer_than_sruns_buffer) {
  std::string text = std::string(2500, 'x') + "\n" + std::string(1000, 'y') + "\n" + std::string(100, 'z') + "\n",
              frames;
  EXPECT_TRUE(frame_output(text, true, false, IoType::stdout_data, 0, 0, frames));
  EXPECT_EQ(lengths(frames), "1024 1024 453 1001 101 ");
  text = std::string(2048, 'x');
  frames.clear();
  EXPECT_TRUE(frame_output(text, false, false, IoType::stdout_data, 0, 0, frames));
  EXPECT_EQ(lengths(frames), "1024 1024 ");
}

TEST(IoFrameReader, cuts_a_stream_at_any_place) {
  std::string stream;
  append_io_frame(stream, IoType::stdin_one, 3, 0, "hello");
  append_io_frame(stream, IoType::connection_test, 0, 0, "");
  append_io_frame(stream, IoType::stdin_all, 0xffff, 0xffff, "");
  IoFrameReader reader;
  std::vector<std::string> seen;
  for (const char c : stream) {
    reader.add({&c, 1});
    auto frame = reader.next();
    ASSERT_TRUE(frame);
    if (*frame) {
      seen.push_back(std::to_string(static_cast<int>((*frame)->header.type)) + ":" +
                     std::to_string((*frame)->header.global_task) + ":" + (*frame)->payload);
    }
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"0:3:hello", "4:0:", "3:65535:"}));
}

TEST(IoFrameReader, refuses_what_no_client_sends) {
  for (const std::string& bytes :
       {"\0\1\0\0\0\0\0\0\0\1x"s, "\0\7\0\0\0\0\0\0\0\0"s, "\0\0\0\0\0\0\xff\xff\xff\xff"s, "\0\4\0\0\0\0\0\0\0\1x"s}) {
    IoFrameReader reader;
    reader.add(bytes);
    EXPECT_FALSE(reader.next()) << testing::PrintToString(bytes);
  }
}

}  // namespace
}  // namespace flurm::stepd
