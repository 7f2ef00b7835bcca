// cluster/link_test.cpp — who gets in and who does not, and what becomes of calls.
#include "cluster/link.hpp"

#include <map>

#include "base/log.hpp"
#include "cluster/channel.hpp"
#include "cluster/handshake.hpp"
#include "cluster/proof.hpp"
#include "cluster/test_world.hpp"
#include "cluster/tls.hpp"
#include "gtest/gtest.h"
#include "io/event.hpp"
#include "io/process.hpp"
#include "io/random.hpp"

namespace flurm::cluster {
namespace {

constexpr auto kEcho = CallKind::status;
constexpr auto kSlow = CallKind::propose;
constexpr auto kFails = CallKind::read_index;

io::Task<Result<std::string>> echo(std::uint64_t, std::string body) { co_return "echo " + body; }
io::Task<Result<std::string>> refuse(std::uint64_t from, std::string) {
  co_return fail(Errc::not_leader, "said {}", from);
}

io::Task<Result<std::string>> slow(io::Loop& loop, std::string body) {
  auto nap = io::sleep(loop, 100);
  co_await nap;
  co_return body;
}

class LinkTest : public testing::Test {
 protected:
  void SetUp() override {
    io::ignore_sigpipe();
    log_set_level(Level::fatal);
  }
  void TearDown() override {
    for (auto& link : links_) {
      if (link) io::run_task(loop_, [&] { return link->stop(); });
      link.reset();
    }
    log_set_level(Level::info);
  }

  Link& start(LinkOptions options) {
    links_.push_back(Link::make(loop_, std::move(options)));
    Link& link = *links_.back();
    link.on_call(kEcho, echo);
    link.on_call(kFails, refuse);
    link.on_call(kSlow, [this](std::uint64_t, std::string body) { return slow(loop_, std::move(body)); });
    const Result<void> started = link.start();
    EXPECT_TRUE(started) << (started ? "" : started.error().text);
    return link;
  }
  static bool reaches(const Link& link, std::uint64_t member) {
    for (const Peer& peer : link.peers())
      if (peer.member.id == member) return peer.connected;
    return false;
  }
  bool both_reach(const Link& a, const Link& b) {
    return wait_for(loop_, [&] { return reaches(a, b.self()) && reaches(b, a.self()); });
  }
  Result<std::string> call(Link& link, std::uint64_t member, CallKind kind, std::string body, std::uint64_t ms = 5000) {
    return result_of(loop_, link.call(member, kind, std::move(body), ms));
  }
  std::shared_ptr<io::Stream> dial(std::uint16_t port) {
    auto stream =
        result_of<Result<io::Stream>>(loop_, io::connect_tcp(loop_, "127.0.0.1", port, io::Deadline::in_ms(2000)));
    EXPECT_TRUE(stream);
    return std::make_shared<io::Stream>(std::move(*stream));
  }
  /// What the other side sends until it closes the connection, at most `bytes`.
  std::string hear(const std::shared_ptr<io::Stream>& stream, std::size_t bytes) {
    std::string out;
    while (out.size() < bytes) {
      auto n = result_of(loop_, stream->read_append(out, io::Deadline::in_ms(4000)));
      if (!n || *n == 0) break;
    }
    return out;
  }
  void say(const std::shared_ptr<io::Stream>& stream, std::string bytes) {
    (void)result_of(loop_, stream->write_all(std::move(bytes), io::Deadline::in_ms(1000)));
  }
  /// True when the other side closes the connection within `ms`.
  bool is_closed(const std::shared_ptr<io::Stream>& stream, std::uint64_t ms = 4000) {
    std::string rest;
    for (;;) {
      auto n = result_of(loop_, stream->read_append(rest, io::Deadline::in_ms(ms)));
      if (!n) return n.error().code == Errc::closed;
      if (*n == 0) return true;
    }
  }

  io::Loop loop_;
  std::vector<std::unique_ptr<Link>> links_;
};

TEST_F(LinkTest, members_find_each_other_in_any_order_and_know_each_other) {
  const auto members = local_members(3);
  Link& third = start(link_options(members, 2));
  Link& first = start(link_options(members, 0));
  ASSERT_TRUE(both_reach(first, third));
  EXPECT_FALSE(reaches(first, members[1].id));
  Link& second = start(link_options(members, 1));
  ASSERT_TRUE(both_reach(first, second));
  ASSERT_TRUE(both_reach(second, third));
  const auto peers = first.peers();
  ASSERT_EQ(peers.size(), 2u);
  EXPECT_EQ(peers[0].member.name, "ctl2");
  EXPECT_EQ(peers[0].version, "1.1");
  EXPECT_EQ(peers[1].version, "1.2");
  EXPECT_LT(peers[1].heard_ms_ago, 2000u);
  EXPECT_EQ(peers[0].error, "");
}

TEST_F(LinkTest, the_end_of_a_process_is_known_at_once) {
  const auto members = local_members(3);
  Link& a = start(link_options(members, 0));
  Link& b = start(link_options(members, 1));
  ASSERT_TRUE(both_reach(a, b));
  std::vector<std::uint64_t> gone;
  a.on_gone([&](std::uint64_t member) { gone.push_back(member); });
  // Who takes another connection in place of ours is there.
  auto elsewhere = members;
  elsewhere[0].port = free_port();
  Link& double_of_a = start(link_options(elsewhere, 0));
  ASSERT_TRUE(wait_for(loop_, [&] { return reaches(double_of_a, members[1].id); }));
  io::run_task(loop_, [&] { return io::sleep(loop_, 100); });
  io::run_task(loop_, [&] { return double_of_a.stop(); });
  ASSERT_TRUE(both_reach(a, b));
  EXPECT_TRUE(gone.empty());
  // The third was never there.
  const auto begin = io::monotonic_ms();
  io::run_task(loop_, [&] { return b.stop(); });
  ASSERT_TRUE(wait_for(loop_, [&] { return !gone.empty(); }));
  EXPECT_LT(io::monotonic_ms() - begin, 1000u);
  io::run_task(loop_, [&] { return io::sleep(loop_, 200); });
  EXPECT_EQ(gone, std::vector<std::uint64_t>{members[1].id});
}

TEST_F(LinkTest, a_single_member_listens_nowhere) {
  const auto members = local_members(1);
  LinkOptions options = link_options(members, 0);
  options.secret.clear();
  Link& link = start(options);
  EXPECT_EQ(link.port(), 0);
  EXPECT_EQ(call(link, link.self(), kEcho, "me").value(), "echo me");
}

TEST_F(LinkTest, several_members_need_a_secret) {
  LinkOptions options = link_options(local_members(3), 0);
  options.secret.clear();
  links_.push_back(Link::make(loop_, options));
  EXPECT_EQ(links_[0]->start().error().code, Errc::einval);
}

TEST_F(LinkTest, calls_carry_bodies_and_errors) {
  const auto members = local_members(2);
  Link& a = start(link_options(members, 0));
  Link& b = start(link_options(members, 1));
  ASSERT_TRUE(both_reach(a, b));
  EXPECT_EQ(call(a, b.self(), kEcho, "hello").value(), "echo hello");
  const std::string large(20 << 20, 'x');
  EXPECT_EQ(call(b, a.self(), kEcho, large).value(), "echo " + large);
  const auto failed = call(a, b.self(), kFails, "");
  EXPECT_EQ(failed.error(), (Error{Errc::not_leader, "said " + std::to_string(a.self())}));
  EXPECT_EQ(call(a, b.self(), static_cast<CallKind>(99), "").error().code, Errc::not_supported);
  EXPECT_EQ(call(a, 12345, kEcho, "").error().code, Errc::communications_connection);
}

TEST_F(LinkTest, calls_do_not_wait_for_each_other) {
  const auto members = local_members(2);
  Link& a = start(link_options(members, 0));
  Link& b = start(link_options(members, 1));
  ASSERT_TRUE(both_reach(a, b));
  const auto begin = io::monotonic_ms();
  std::vector<Result<std::string>> answers(50);
  for (std::size_t i = 0; i < answers.size(); ++i)
    io::spawn(keep(a.call(b.self(), kSlow, std::to_string(i), 5000), answers[i]));
  EXPECT_EQ(call(a, b.self(), kEcho, "quick").value(), "echo quick");
  EXPECT_LT(io::monotonic_ms() - begin, 90u);
  ASSERT_TRUE(wait_for(loop_, [&] { return answers.back() && !answers.back()->empty(); }));
  EXPECT_LT(io::monotonic_ms() - begin, 1000u);
  for (std::size_t i = 0; i < answers.size(); ++i) EXPECT_EQ(answers[i].value(), std::to_string(i));
}

TEST_F(LinkTest, a_call_that_takes_too_long_fails_and_the_next_one_works) {
  const auto members = local_members(2);
  Link& a = start(link_options(members, 0));
  Link& b = start(link_options(members, 1));
  ASSERT_TRUE(both_reach(a, b));
  EXPECT_EQ(call(a, b.self(), kSlow, "", 10).error().code, Errc::timed_out);
  EXPECT_EQ(call(a, b.self(), kEcho, "x").value(), "echo x");
}

// The two kinds of failure are told apart: what never left, and what may have been carried out.
TEST_F(LinkTest, break_in_mid_call_is_not_never_received) {
  const auto members = local_members(2);
  Link& a = start(link_options(members, 0));
  Link& b = start(link_options(members, 1));
  EXPECT_EQ(call(a, b.self(), kEcho, "").error().code, Errc::communications_connection);
  ASSERT_TRUE(both_reach(a, b));
  Result<std::string> cut;
  io::spawn(keep(a.call(b.self(), kSlow, "", 5000), cut));
  io::run_task(loop_, [&] { return io::sleep(loop_, 20); });
  io::run_task(loop_, [&] { return links_[1]->stop(); });
  ASSERT_TRUE(wait_for(loop_, [&] { return !cut; }));
  EXPECT_EQ(cut.error().code, Errc::closed);
  EXPECT_EQ(call(a, members[1].id, kEcho, "").error().code, Errc::communications_connection);
  EXPECT_FALSE(reaches(a, members[1].id));
  // It comes back by itself.
  links_[1].reset();
  Link& again = start(link_options(members, 1));
  ASSERT_TRUE(both_reach(a, again));
}

TEST_F(LinkTest, a_wrong_secret_gets_nowhere_from_either_side) {
  const auto members = local_members(2);
  LinkOptions wrong = link_options(members, 1);
  wrong.secret += "!";
  Link& a = start(link_options(members, 0));
  Link& b = start(wrong);
  io::run_task(loop_, [&] { return io::sleep(loop_, 300); });
  EXPECT_FALSE(reaches(a, b.self()));
  EXPECT_FALSE(reaches(b, a.self()));
  EXPECT_NE(a.peers()[0].error.find("refused"), std::string::npos) << a.peers()[0].error;
}

TEST_F(LinkTest, a_wrong_cluster_gets_nowhere) {
  const auto members = local_members(2);
  LinkOptions wrong = link_options(members, 1);
  wrong.cluster_name = "other";
  Link& a = start(link_options(members, 0));
  Link& b = start(wrong);
  io::run_task(loop_, [&] { return io::sleep(loop_, 200); });
  EXPECT_FALSE(reaches(a, b.self()));
  EXPECT_FALSE(reaches(b, a.self()));
}

TEST_F(LinkTest, the_secret_does_not_admit_to_the_log_who_is_not_a_member) {
  const auto members = local_members(2);
  Link& a = start(link_options(members, 0));
  auto stream = dial(a.port());
  const auto party = std::make_shared<const Party>(make_party(777, {a.self()}, "test", "a secret of some length"));
  const auto greeted = result_of(loop_, greet(stream, party, a.self(), Purpose::log, io::Deadline::in_ms(2000)));
  EXPECT_EQ(greeted.error().code, Errc::closed);  // before the challenge
}

// ---- TLS

/// Stands between two members, and keeps or changes what they say.
class Wire {
 public:
  Wire(io::Loop& loop, std::uint16_t port, std::uint16_t to) : loop_(loop), to_(to) {
    auto made = io::Listener::tcp(loop, "127.0.0.1", port, [this](io::Stream stream) {
      io::spawn(relay(std::make_shared<io::Stream>(std::move(stream))));
    });
    EXPECT_TRUE(made);
    if (made) listener_ = std::move(*made);
  }
  std::string heard;
  bool spoil = false;

 private:
  using StreamPtr = std::shared_ptr<io::Stream>;
  io::Task<> relay(StreamPtr from) {
    auto connecting = io::connect_tcp(loop_, "127.0.0.1", to_, io::Deadline::in_ms(2000));
    auto connected = co_await connecting;
    if (!connected) co_return;
    const auto to = std::make_shared<io::Stream>(std::move(*connected));
    io::spawn(carry(to, from));
    auto carrying = carry(from, to);
    co_await carrying;
  }
  io::Task<> carry(StreamPtr from, StreamPtr to) {
    for (;;) {
      std::string bytes;
      auto reading = from->read_append(bytes, io::Deadline::never());
      const auto got = co_await reading;
      if (!got || *got == 0) break;
      heard += bytes;
      if (spoil) bytes.back() = static_cast<char>(bytes.back() ^ 1);
      auto writing = to->write_all(std::move(bytes), io::Deadline::never());
      if (const auto written = co_await writing; !written) break;
    }
    from->close();
    to->close();
  }
  io::Loop& loop_;
  std::uint16_t to_;
  std::unique_ptr<io::Listener> listener_;
};

TEST_F(LinkTest, encrypted_calls_cannot_be_read_or_changed_on_the_way) {
  for (const LinkTls tls : {LinkTls::no, LinkTls::require}) {
    SCOPED_TRACE(static_cast<int>(tls));
    const auto members = local_members(2);
    auto seen_by_a = members;
    seen_by_a[1].port = free_port();
    LinkOptions of_a = link_options(seen_by_a, 0), of_b = link_options(members, 1);
    of_a.tls = of_b.tls = tls;
    Wire wire(loop_, seen_by_a[1].port, members[1].port);
    Link& a = start(of_a);
    Link& b = start(of_b);
    ASSERT_TRUE(both_reach(a, b));
    EXPECT_EQ(call(a, b.self(), kEcho, "nobody else's").value(), "echo nobody else's");
    EXPECT_EQ(wire.heard.find("nobody") == std::string::npos, tls == LinkTls::require);
    const std::string large(10'000'000, 'x');
    EXPECT_EQ(call(a, b.self(), kEcho, large).value(), "echo " + large);
    if (tls == LinkTls::no) continue;
    wire.spoil = true;
    EXPECT_FALSE(call(a, b.self(), kEcho, "changed", 2000));
    wire.spoil = false;
    ASSERT_TRUE(both_reach(a, b));
    for (auto& link : links_) io::run_task(loop_, [&] { return link->stop(); });
  }
}

TEST_F(LinkTest, members_change_over_to_tls_one_by_one) {
  struct Case {
    LinkTls a, b;
    bool a_reaches_b, b_reaches_a;
  };
  using enum LinkTls;
  for (const auto& [a_tls, b_tls, a_reaches_b, b_reaches_a] :
       {Case{no, prefer, true, true}, Case{prefer, require, true, true}, Case{no, require, false, true}}) {
    const auto members = local_members(2);
    LinkOptions of_a = link_options(members, 0), of_b = link_options(members, 1);
    of_a.tls = a_tls;
    of_b.tls = b_tls;
    Link& a = start(of_a);
    Link& b = start(of_b);
    EXPECT_TRUE(
        wait_for(loop_, [&] { return reaches(a, b.self()) == a_reaches_b && reaches(b, a.self()) == b_reaches_a; }));
    io::run_task(loop_, [&] { return io::sleep(loop_, 100); });
    EXPECT_EQ(reaches(a, b.self()), a_reaches_b);
    EXPECT_EQ(reaches(b, a.self()), b_reaches_a);
  }
}

TEST_F(LinkTest, tls_is_for_those_who_know_the_secret) {
  const auto members = local_members(2);
  LinkOptions right = link_options(members, 0), wrong = link_options(members, 1);
  right.tls = wrong.tls = LinkTls::require;
  wrong.secret += "!";
  Link& a = start(right);
  Link& b = start(wrong);
  // Strangers who begin as TLS does, and go on with anything or nothing.
  auto babble = dial(a.port()), silence = dial(a.port());
  say(babble, kTlsFirstByte + io::random_bytes(200));
  say(silence, std::string(1, kTlsFirstByte));
  EXPECT_TRUE(is_closed(babble));
  EXPECT_TRUE(is_closed(silence));
  EXPECT_FALSE(reaches(a, b.self()));
  EXPECT_FALSE(reaches(b, a.self()));
  EXPECT_NE(a.peers()[0].error.find("TLS"), std::string::npos) << a.peers()[0].error;
}

// One that joins must be able to ask whether it is a member yet; one that was removed, whether it still is.
TEST_F(LinkTest, members_come_and_go_and_guests_may_ask_only_what_is_for_them) {
  const auto all = local_members(2);
  Link& a = start(link_options({all[0]}, 0));
  a.on_call(CallKind::members, echo, Guests::yes);
  Link& b = start(link_options(all, 1));
  ASSERT_TRUE(wait_for(loop_, [&] { return reaches(b, a.self()); }));
  EXPECT_EQ(call(b, a.self(), CallKind::members, "who").value(), "echo who");
  EXPECT_EQ(call(b, a.self(), kEcho, "who").error().code, Errc::eperm);
  EXPECT_TRUE(a.peers().empty());

  a.set_members(all);
  ASSERT_TRUE(wait_for(loop_, [&] {
    return reaches(a, b.self()) && reaches(b, a.self()) && call(b, a.self(), kEcho, "who").has_value();
  }));
  EXPECT_EQ(call(a, b.self(), kEcho, "you").value(), "echo you");

  a.set_members({all[0]});
  EXPECT_TRUE(a.peers().empty());
  EXPECT_EQ(call(a, b.self(), kEcho, "you").error().code, Errc::communications_connection);
  ASSERT_TRUE(wait_for(loop_, [&] { return call(b, a.self(), kEcho, "who", 500).error().code == Errc::eperm; }));
}

// What a stranger learns is nothing: no proof before his own.
TEST_F(LinkTest, strangers_get_a_nonce_at_most) {
  Link& a = start(link_options(local_members(2), 0));
  auto noise = dial(a.port());
  say(noise, std::string(88, 'x'));
  EXPECT_EQ(hear(noise, 1), "");
  auto http = dial(a.port());
  say(http, "GET / HTTP/1.1\r\n\r\n" + std::string(100, ' '));
  EXPECT_EQ(hear(http, 1), "");
}

/// Stands between two ends and keeps what each has said.
struct Recording {
  std::string from_caller, from_called;
};

io::Task<> pass_on(std::shared_ptr<io::Stream> from, std::shared_ptr<io::Stream> to, std::string& record) {
  for (;;) {
    std::string piece;
    auto reading = from->read_append(piece, io::Deadline::in_ms(1000));
    const auto n = co_await reading;
    if (!n || *n == 0) co_return;
    record += piece;
    auto writing = to->write_all(std::move(piece), io::Deadline::in_ms(1000));
    if (const auto written = co_await writing; !written) co_return;
  }
}

/// A handshake of `from` with `to`, overheard.
Recording overhear(io::Loop& loop, std::shared_ptr<io::Stream> to, const Party& from, std::uint64_t member) {
  Recording record;
  std::shared_ptr<io::Stream> middle;
  auto listener = io::Listener::tcp(
      loop, "127.0.0.1", 0, [&](io::Stream stream) { middle = std::make_shared<io::Stream>(std::move(stream)); });
  auto dialed = result_of<Result<io::Stream>>(
      loop, io::connect_tcp(loop, "127.0.0.1", (*listener)->port(), io::Deadline::in_ms(1000)));
  auto caller = std::make_shared<io::Stream>(std::move(*dialed));
  EXPECT_TRUE(wait_for(loop, [&] { return middle != nullptr; }));
  io::spawn(pass_on(middle, to, record.from_caller));
  io::spawn(pass_on(to, middle, record.from_called));
  const auto greeted = result_of(
      loop, greet(caller, std::make_shared<const Party>(from), member, Purpose::log, io::Deadline::in_ms(1000)));
  EXPECT_TRUE(greeted) << (greeted ? "" : greeted.error().text);
  caller->close();
  middle->close();
  to->close();
  io::run_task(loop, [&] { return io::sleep(loop, 5); });
  return record;
}

TEST_F(LinkTest, a_replayed_recording_is_refused) {
  const auto members = local_members(2);
  Link& a = start(link_options(members, 0));
  int streams = 0;
  a.on_stream([&](std::uint64_t, io::Stream) { ++streams; });
  const Party other = make_party(members[1].id, {a.self()}, "test", "a secret of some length");
  const Recording record = overhear(loop_, dial(a.port()), other, a.self());
  ASSERT_EQ(record.from_caller.size(), 88u + 32u);
  ASSERT_EQ(record.from_called.size(), 40u + 32u);
  EXPECT_EQ(streams, 1);
  auto replay = dial(a.port());
  say(replay, record.from_caller);
  const std::string heard = hear(replay, 100);
  EXPECT_EQ(heard.size(), 40u);  // a challenge, a different one, and no proof
  EXPECT_NE(heard, record.from_called.substr(0, 40));
  EXPECT_EQ(streams, 1);
}

/// Sends back what it gets, as it is or with the two ids exchanged.
io::Task<> reflect(std::shared_ptr<io::Stream> stream, std::string& proof) {
  std::string hello(88, '\0');
  auto reading = stream->read_exactly(hello, io::Deadline::in_ms(1000));
  if (const auto got = co_await reading; !got) co_return;
  // A challenge that asks for the caller's own nonce.
  auto writing =
      stream->write_all(hello.substr(0, 6) + std::string(2, '\0') + hello.substr(56, 32), io::Deadline::in_ms(1000));
  if (const auto written = co_await writing; !written) co_return;
  proof.assign(32, '\0');
  auto reading_proof = stream->read_exactly(proof, io::Deadline::in_ms(1000));
  if (const auto got = co_await reading_proof; !got) co_return;
  auto answering = stream->write_all(proof, io::Deadline::in_ms(1000));
  (void)co_await answering;
}

TEST_F(LinkTest, a_member_does_not_believe_its_own_words) {
  // The called side sends the caller's proof back.
  std::string proof;
  auto listener = io::Listener::tcp(loop_, "127.0.0.1", 0, [&](io::Stream stream) {
    io::spawn(reflect(std::make_shared<io::Stream>(std::move(stream)), proof));
  });
  const auto party = std::make_shared<const Party>(make_party(5, {6}, "test", "secret"));
  auto stream = dial((*listener)->port());
  const auto greeted = result_of(loop_, greet(stream, party, 6, Purpose::calls, io::Deadline::in_ms(1000)));
  EXPECT_EQ(greeted.error().code, Errc::eperm);
  EXPECT_EQ(proof.size(), 32u);

  // A member's hello comes back to its own port, as it is and with the ids exchanged.
  const auto members = local_members(2);
  Link& a = start(link_options(members, 0));
  const Party self = make_party(a.self(), {members[1].id}, "test", "a secret of some length");
  auto own = dial(a.port());
  const auto as_is = result_of(
      loop_, greet(own, std::make_shared<const Party>(self), a.self(), Purpose::log, io::Deadline::in_ms(1000)));
  EXPECT_FALSE(as_is);
}

TEST_F(LinkTest, purpose_and_ids_are_under_the_proof) {
  const auto members = local_members(3);
  Link& a = start(link_options(members, 0));
  int streams = 0;
  a.on_stream([&](std::uint64_t, io::Stream) { ++streams; });
  const std::string secret = "a secret of some length";
  // Who knows the secret, but says one thing and proves another: each single byte of the hello counts.
  for (std::size_t at : {6u, 15u}) {
    auto stream = dial(a.port());
    std::string hello = std::string("FLCL") + std::string("\0\1\2\0", 4);
    for (const std::uint64_t id : {members[1].id, a.self()})
      for (int i = 7; i >= 0; --i) hello += static_cast<char>(id >> (8 * i));
    hello += digest("test") + io::random_bytes(32);
    std::string sent = hello;
    if (at == 6)
      sent[6] = 1;  // a stream of the log instead of calls
    else
      for (int i = 0; i < 8; ++i)
        sent[8 + static_cast<std::size_t>(i)] = static_cast<char>(members[2].id >> (56 - 8 * i));
    say(stream, sent);
    const std::string challenge = hear(stream, 40);
    ASSERT_EQ(challenge.size(), 40u);
    say(stream, proof(secret, "flurm link, caller: " + hello + challenge));
    EXPECT_EQ(hear(stream, 1), "") << at;
    // The same with the truth gets in.
    auto honest = dial(a.port());
    say(honest, sent);
    const std::string other = hear(honest, 40);
    say(honest, proof(secret, "flurm link, caller: " + sent + other));
    EXPECT_EQ(hear(honest, 32).substr(0, 32), proof(secret, "flurm link, called: " + sent + other));
  }
}

TEST_F(LinkTest, another_protocol_is_named) {
  const auto members = local_members(2);
  Link& a = start(link_options(members, 0));
  auto stream = dial(a.port());
  std::string hello("FLCL\0\2\1\0", 8);
  say(stream, hello + std::string(80, 'x'));
  const std::string heard = hear(stream, 41);
  ASSERT_EQ(heard.size(), 40u);
  EXPECT_EQ(heard.substr(0, 6), std::string("FLCL\0\1", 6));
}

TEST_F(LinkTest, slow_strangers_are_dropped_and_cannot_keep_members_out) {
  const auto members = local_members(2);
  LinkOptions options = link_options(members, 0);
  options.handshake_ms = 300;
  Link& a = start(options);
  std::vector<std::shared_ptr<io::Stream>> strangers;
  for (int i = 0; i < 200; ++i) {
    strangers.push_back(dial(a.port()));
    say(strangers.back(), "FLCL");
  }
  Link& b = start(link_options(members, 1));
  const auto begin = io::monotonic_ms();
  ASSERT_TRUE(both_reach(a, b));
  EXPECT_LT(io::monotonic_ms() - begin, 200u);
  EXPECT_TRUE(is_closed(strangers.front(), 100));
  EXPECT_TRUE(is_closed(strangers.back()));
}

TEST_F(LinkTest, oversized_and_senseless_frames_end_the_connection) {
  const auto members = local_members(2);
  Link& a = start(link_options(members, 0));
  const auto party =
      std::make_shared<const Party>(make_party(members[1].id, {a.self()}, "test", "a secret of some length"));
  const std::string head = std::string("\0\1\0\0", 4) + std::string(8, '\0');
  for (const std::string& bytes : {std::string("\xff\xff\xff\xff", 4) + head,  // 4 GiB
                                   std::string("\x04\0\0\0", 4) + head,        // 64 MiB
                                   std::string("\0\0\0\1", 4) + head,          // shorter than its head
                                   std::string("\0\0\0\x0c\x63\0\0\0", 8) + std::string(8, '\0')}) {  // type 99
    auto stream = dial(a.port());
    ASSERT_TRUE(result_of(loop_, greet(stream, party, a.self(), Purpose::calls, io::Deadline::in_ms(1000))));
    say(stream, bytes);
    EXPECT_TRUE(is_closed(stream, 500));
  }
}

// A peer that stands still (a stopped process, a pulled cable) is noticed, and calls to it end.
TEST_F(LinkTest, silence_ends_the_connection) {
  const auto members = local_members(2);
  std::vector<std::shared_ptr<io::Stream>> held;
  std::vector<Result<Caller>> callers;
  const auto party =
      std::make_shared<const Party>(make_party(members[1].id, {members[0].id}, "test", "a secret of some length"));
  auto listener = io::Listener::tcp(loop_, "127.0.0.1", members[1].port, [&](io::Stream stream) {
    held.push_back(std::make_shared<io::Stream>(std::move(stream)));
    callers.reserve(100);
    callers.emplace_back();
    io::spawn(keep(receive(held.back(), party, io::Deadline::in_ms(1000)), callers.back()));
  });
  ASSERT_TRUE(listener);
  LinkOptions options = link_options(members, 0);
  options.ping_ms = 20;
  options.silence_ms = 100;
  Link& a = start(options);
  ASSERT_TRUE(wait_for(loop_, [&] { return !callers.empty() && callers[0].has_value(); }));
  Result<std::string> lost;
  io::spawn(keep(a.call(members[1].id, kEcho, "x", 10'000), lost));
  const auto begin = io::monotonic_ms();
  ASSERT_TRUE(wait_for(loop_, [&] { return !lost; }));
  EXPECT_EQ(lost.error().code, Errc::closed);
  EXPECT_LT(io::monotonic_ms() - begin, 1000u);
}

TEST(Members, the_log_keeps_them_as_text) {
  for (const Member& member : {Member{7, "ctl1", "10.0.0.1", 9101}, Member{8, "a.example", "fe80::1", 1}})
    EXPECT_EQ(read_member_text(member.id, member_text(member)), member);
  for (const char* bad : {"", "7", "@host:1", "name@host", "name@:5", "name@host:x"})
    EXPECT_FALSE(read_member_text(1, bad)) << bad;
}

TEST(Members, ids_are_stable_and_entries_are_read) {
  EXPECT_EQ(member_id("ctl1"), member_id("CTL1"));
  EXPECT_NE(member_id("ctl1"), member_id("ctl2"));
  EXPECT_LT(member_id("ctl1"), std::uint64_t{1} << 48);
  const auto plain = parse_member("ctl1.example.com", 9101);
  EXPECT_EQ(*plain, (Member{member_id("ctl1.example.com"), "ctl1.example.com", "ctl1.example.com", 9101}));
  EXPECT_EQ(parse_member("flurm@ctl1:77", 9101)->host, "ctl1");
  EXPECT_EQ(parse_member("a@[::1]:77", 9101)->port, 77);
  EXPECT_EQ(parse_member("::1", 9101)->host, "::1");
  EXPECT_EQ(parse_member("flurm@ctl1", 9101)->name, "ctl1");
  for (const char* bad : {"", "a:", "a:x", "a:0", "a:99999", "[::1", "[::1]9", "a@"})
    EXPECT_FALSE(parse_member(bad, 9101)) << bad;
  auto members = local_members(3);
  EXPECT_TRUE(check_members(members));
  members[2] = members[0];
  EXPECT_FALSE(check_members(members));
  members[2].name = "other";
  EXPECT_FALSE(check_members(members));
}

}  // namespace
}  // namespace flurm::cluster
