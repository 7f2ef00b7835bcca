// auth/auth_test.cpp — credentials against a real munged, and the users of this machine.
#include <unistd.h>

#include <thread>

#include "auth/munge.hpp"
#include "auth/private_munged.hpp"
#include "auth/request_credential.hpp"
#include "auth/users.hpp"
#include "gtest/gtest.h"

namespace flurm::auth {
namespace {

class MungeTest : public testing::Test {
 protected:
  PrivateMunged daemon;
  Munge munge{daemon.socket()};
};

TEST_F(MungeTest, round_trip_tells_who_made_it) {
  std::string payload("\0binary\xff", 8);
  auto text = munge.encode(payload, getuid());
  ASSERT_TRUE(text) << text.error().text;
  auto decoded = munge.decode(*text);
  ASSERT_TRUE(decoded) << decoded.error().text;
  EXPECT_EQ(decoded->payload, payload);
  EXPECT_EQ(decoded->uid, getuid());
  EXPECT_EQ(decoded->gid, getgid());
  EXPECT_EQ(decoded->validity, Validity::good);
  EXPECT_LE(std::abs(decoded->encode_time - TimeS{time(nullptr)}), 5);

  decoded = munge.decode(*text);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->validity, Validity::replayed);
}

TEST_F(MungeTest, refuses_the_wrong_user_and_garbage) {
  auto other = munge.encode("x", getuid() + 1);
  ASSERT_TRUE(other);
  EXPECT_EQ(munge.decode(*other).error().code, Errc::protocol_authentication);
  EXPECT_EQ(munge.decode("MUNGE:abc:").error().code, Errc::protocol_authentication);
  EXPECT_EQ(munge.decode("").error().code, Errc::protocol_authentication);
  std::string changed = *munge.encode("x");
  changed[40] = changed[40] == 'A' ? 'B' : 'A';
  EXPECT_EQ(munge.decode(changed).error().code, Errc::protocol_authentication);

  PrivateMunged foreign;
  EXPECT_EQ(munge.decode(*Munge(foreign.socket()).encode("x")).error().code, Errc::protocol_authentication);
}

TEST_F(MungeTest, a_signed_request_is_good_once_and_for_itself_alone) {
  const RequestText drain{"POST", "/api/drain", "{}"};
  const auto sign = [&] { return *sign_request(munge, drain); };
  const std::string once = sign();
  const auto signer = request_signer(munge, once, drain);
  ASSERT_TRUE(signer) << signer.error().text;
  EXPECT_EQ(*signer, getuid());
  EXPECT_EQ(request_signer(munge, once, drain).error().code, Errc::protocol_authentication) << "used before";
  for (const RequestText& other : {RequestText{"GET", "/api/drain", "{}"}, RequestText{"POST", "/api/resume", "{}"},
                                   RequestText{"POST", "/api/drain", "{ }"}, RequestText{"POST", "/api/drain\n{}", ""}})
    EXPECT_EQ(request_signer(munge, sign(), other).error().code, Errc::protocol_authentication) << other.path;
  for (const std::string& bad : {std::string(), std::string("Munge "), "Basic " + sign(), sign().substr(0, 60)})
    EXPECT_EQ(request_signer(munge, bad, drain).error().code, Errc::protocol_authentication) << bad;
  EXPECT_EQ(request_signer(Munge("/nowhere"), sign(), drain).error().code, Errc::auth_cred_invalid);
}

TEST_F(MungeTest, expiry) {
  Munge brief(daemon.socket(), 1);
  auto text = brief.encode("x");
  ASSERT_TRUE(text);
  sleep(3);
  auto decoded = munge.decode(*text);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->validity, Validity::expired);
}

TEST_F(MungeTest, without_a_daemon) {
  Munge nobody("/nonexistent/socket");
  EXPECT_EQ(nobody.encode("x").error().code, Errc::auth_cred_invalid);
  EXPECT_EQ(nobody.decode("MUNGE:x:").error().code, Errc::auth_cred_invalid);
}

TEST_F(MungeTest, threads_do_not_disturb_each_other) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        std::string payload = std::to_string(t * 1000 + i);
        auto decoded = munge.decode(*munge.encode(payload, i % 2 ? std::optional<uid_t>(getuid()) : std::nullopt));
        ASSERT_TRUE(decoded);
        ASSERT_EQ(decoded->payload, payload);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(MungeTest, signature_covers_every_byte) {
  std::string packed(3000, 'p');
  auto signature = sign(munge, packed);
  ASSERT_TRUE(signature);
  EXPECT_TRUE(verify(munge, *signature, packed, getuid()));
  EXPECT_TRUE(verify(munge, *signature, packed, getuid()));  // a second node on this machine
  packed[1000] = 'q';
  EXPECT_EQ(verify(munge, *signature, packed, getuid()).error().code, Errc::node_invalid_job_credential);
  packed[1000] = 'p';
  if (getuid() != 0) {
    EXPECT_FALSE(verify(munge, *signature, packed, getuid() + 1));
  }
  EXPECT_EQ(verify(munge, "nonsense", packed, getuid()).error().code, Errc::node_invalid_job_credential);
}

TEST(Users, known_and_unknown) {
  Users users;
  EXPECT_FALSE(users.cached_by_uid(0));
  auto root = users.by_uid(0);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->name, "root");
  EXPECT_EQ(users.by_name("root")->uid, 0u);
  EXPECT_EQ(users.cached_by_uid(0)->home, root->home);
  auto groups = users.groups_of(*root);
  ASSERT_TRUE(groups);
  EXPECT_EQ(groups->front(), root->gid);
  EXPECT_EQ(*users.group_name(0), "root");
  EXPECT_EQ(*users.group_id("root"), 0u);
  EXPECT_EQ(*users.cached_group_name(0), "root");
  EXPECT_EQ(users.by_uid(4'000'000'123).error().code, Errc::user_id_missing);
  EXPECT_EQ(users.by_name("no such user").error().code, Errc::user_id_missing);
  EXPECT_EQ(users.group_id("no such group").error().code, Errc::group_id_missing);
  users.clear();
  EXPECT_FALSE(users.cached_by_uid(0));
}

}  // namespace
}  // namespace flurm::auth
