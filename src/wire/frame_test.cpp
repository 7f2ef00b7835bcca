// wire/frame_test.cpp — headers, addresses, bit strings and hashes against bytes seen on real wires.
#include <gtest/gtest.h>

#include "codec/fuzz.hpp"
#include "codec/pack.hpp"
#include "codec/unpack.hpp"
#include "wire/header.hpp"
#include "wire/k12.hpp"
#include "wire/msg/return_code.hpp"
#include "wire/step_id.hpp"

namespace flurm::wire {
namespace {

std::string hex(std::string_view bytes) {
  std::string text;
  for (unsigned char c : bytes) text += fmt::format("{:02x}", c);
  return text;
}
template <std::size_t N>
std::string hex(const std::array<std::uint8_t, N>& bytes) {
  return hex(std::string_view(reinterpret_cast<const char*>(bytes.data()), N));
}

TEST(Header, ping_is_sixteen_bytes) {
  Header header;
  header.version = v22_05;
  header.msg_type = MsgType::REQUEST_PING;
  EXPECT_EQ(hex(codec::pack(header, v22_05)), "2600000003f000000000000000000000");
}

TEST(Frame, apart_and_together) {
  for (std::uint16_t version : kVersions) {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      Header header = codec::fuzz<Header>(seed, version);
      std::optional<AuthSection> auth;
      if (version < v23_02 || seed % 2) auth = codec::fuzz<AuthSection>(seed, version);
      std::string frame = build_frame(header, auth, "body");
      auto back = split_frame(std::string_view(frame).substr(4));
      ASSERT_TRUE(back) << back.error().text;
      EXPECT_EQ(back->body, "body");
      EXPECT_EQ(back->auth, auth);
      EXPECT_EQ(back->header.forward, header.forward);
      EXPECT_EQ(back->header.ret_list, header.ret_list);
      EXPECT_EQ(back->header.orig_addr, header.orig_addr);
      EXPECT_EQ(codec::unpack<std::uint32_t>(frame.substr(0, 4), version).value(), frame.size() - 4);
      for (std::size_t n = 0; n + 4 < frame.size(); ++n)
        EXPECT_FALSE(split_frame(std::string_view(frame).substr(4, n)));
    }
  }
}

TEST(Frame, unknown_versions_are_named) {
  auto frame = split_frame(std::string_view("\x23\x00\x00\x00", 4));
  ASSERT_FALSE(frame);
  EXPECT_EQ(frame.error().code, Errc::protocol_version);
  EXPECT_EQ(frame.error().text, "protocol version 0x2300");
}

TEST(Frame, of_older_releases_a_controllers_first_words_are_understood) {
  for (const std::uint16_t version : {v20_11, v21_08}) {
    Header header;
    header.version = version;
    header.msg_type = MsgType::REQUEST_NODE_REGISTRATION_STATUS;
    header.forward = {.cnt = 2, .nodelist = "n[2-3]", .timeout_ms = 1000, .tree_width = 50};
    AuthSection auth;
    auth.credential = "MUNGE:x:";
    const std::string frame = build_frame(header, auth, "").substr(4);
    EXPECT_EQ(hex(frame.substr(0, 8)), version == v20_11 ? "24000000000003e9" : "25000000000003e9");
    auto back = split_frame(frame);
    ASSERT_TRUE(back) << back.error().text;
    EXPECT_EQ(back->header.msg_type, header.msg_type);
    EXPECT_EQ(back->header.forward.nodelist, "n[2-3]");
    EXPECT_EQ(back->auth, auth);
    header.flags = no_auth_cred;  // means nothing there
    EXPECT_FALSE(split_frame(build_frame(header, std::nullopt, "").substr(4)));
    header.msg_type = MsgType::REQUEST_BATCH_JOB_LAUNCH;
    back = split_frame(build_frame(header, auth, "").substr(4));
    ASSERT_FALSE(back);
    EXPECT_EQ(back.error().code, Errc::protocol_version);
  }
}

TEST(Frame, no_auth_flag_does_not_exist_in_22_05) {
  Header header;
  header.version = v22_05;
  header.msg_type = MsgType::REQUEST_PING;
  EXPECT_FALSE(split_frame(build_frame(header, std::nullopt, "").substr(4)));
}

TEST(Addr, little_endian_senders_swap_ipv4) {
  EXPECT_EQ(hex(codec::pack(make_addr(std::string("\x7f\0\0\x01", 4), 6817), v22_05)), "00020100007fa11a");
  std::string v6(16, '\0');
  v6[15] = 1;
  EXPECT_EQ(hex(codec::pack(make_addr(v6, 6817), v22_05)), "000a0000001000000000000000000000000000000001a11a");
}

TEST(Bits, masks_are_slurms) {
  Bits ten(10);
  ten.set(0);
  ten.set(9);
  EXPECT_EQ(hex(codec::pack(ten, v22_05)),
            "0000000a"
            "00000006"
            "307832303100");
  Bits forty(40);
  forty.set(33);
  EXPECT_EQ(codec::pack(forty, v22_05).substr(8), std::string("0x0200000000\0", 13));
  EXPECT_EQ(hex(codec::pack(Bits(), v22_05)), "fffffffe");
  EXPECT_EQ(forty.count(), 1u);
}

TEST(Bits, size_and_mask_must_agree) {
  EXPECT_FALSE(codec::unpack<Bits>(std::string("\x40\0\0\0\0\0\0\x04"
                                               "0x1\0",
                                               12),
                                   v22_05));  // 2^30 bits, one digit
  EXPECT_FALSE(codec::unpack<Bits>(std::string("\0\0\0\2\0\0\0\x04"
                                               "0x4\0",
                                               12),
                                   v22_05));  // a third bit of two
  EXPECT_FALSE(codec::unpack<Bits>(std::string("\0\0\0\2\0\0\0\x04"
                                               "0xg\0",
                                               12),
                                   v22_05));
  EXPECT_TRUE(codec::unpack<Bits>(std::string("\0\0\0\2\0\0\0\x04"
                                              "0x2\0",
                                              12),
                                  v22_05));
}

TEST(K12, test_vectors_of_rfc_9861) {
  auto pattern = [](std::size_t n) {
    std::string bytes(n, '\0');
    for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<char>(i % 251);
    return bytes;
  };
  EXPECT_EQ(hex(k12("", "")), "1ac2d450fc3b4205d19da7bfca1b37513c0803577ac7167f06fe2ce1f0ef39e5");
  EXPECT_EQ(hex(k12(pattern(1), "")), "2bda92450e8b147f8a7cb629e784a058efca7cf7d8218e02d345dfaa65244a1f");
  EXPECT_EQ(hex(k12(pattern(17), "")), "6bf75fa2239198db4772e36478f8e19b0f371205f6a9a93a273f51df37122888");
  EXPECT_EQ(hex(k12(pattern(17 * 17 * 17), "")), "cb552e2ec77d9910701d578b457ddf772c12e322e4ee7fe417f92c758f0d59d0");
  EXPECT_EQ(hex(k12(pattern(17 * 17 * 17 * 17), "")),
            "8701045e22205345ff4dda05555cbb5c3af1a771c2b89baef37db43d9998b9fe");
  EXPECT_EQ(hex(k12("", pattern(1))), "fab658db63e94a246188bf7af69a133045f46ee984c56e3c3328caaf1aa1a583");
}

TEST(BodyHash, ties_type_and_body) {
  std::string payload = body_hash(MsgType::REQUEST_PING, "abc");
  EXPECT_EQ(payload.size(), 33u);
  EXPECT_TRUE(body_hash_matches(payload, MsgType::REQUEST_PING, "abc", v22_05));
  EXPECT_FALSE(body_hash_matches(payload, MsgType::REQUEST_SHUTDOWN, "abc", v22_05));
  EXPECT_FALSE(body_hash_matches(payload, MsgType::REQUEST_PING, "abd", v22_05));
  EXPECT_TRUE(body_hash_matches("", MsgType::REQUEST_PING, "abc", v22_05));
  EXPECT_TRUE(body_hash_matches(std::string("\1\x03\xf0", 3), MsgType::REQUEST_PING, "abc", v22_05));
  EXPECT_FALSE(body_hash_matches(std::string("\1\x03\xf1", 3), MsgType::REQUEST_PING, "abc", v22_05));
  const std::string host_order("\1\xf0\x03", 3);  // as 20.11 and 21.08 have it on most machines
  EXPECT_TRUE(body_hash_matches(host_order, MsgType::REQUEST_PING, "", v21_08));
  EXPECT_FALSE(body_hash_matches(host_order, MsgType::REQUEST_PING, "", v22_05));
}

TEST(MsgType, names) {
  EXPECT_EQ(msg_type_name(MsgType::REQUEST_SUBMIT_BATCH_JOB), "REQUEST_SUBMIT_BATCH_JOB");
  EXPECT_EQ(msg_type_name(static_cast<MsgType>(1)), "");
  EXPECT_EQ(msg_type_from_name("PERSIST_RC"), MsgType{1433});
  EXPECT_FALSE(msg_type_from_name("REQUEST_COFFEE"));
}

TEST(StepId, grew_a_sluid) {
  StepId id{1, {2}, 3, 4};
  EXPECT_EQ(codec::pack(id, v24_05).size(), 12u);
  EXPECT_EQ(codec::pack(id, v24_11).size(), 20u);
}

}  // namespace
}  // namespace flurm::wire
