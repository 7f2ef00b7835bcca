// rpc/rpc_test.cpp — server, client, persistent connections and tree against each other, hostile peers, and Slurm's
// own commands.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <random>

#include "auth/private_munged.hpp"
#include "base/log.hpp"
#include "codec/unpack.hpp"
#include "gtest/gtest.h"
#include "io/event.hpp"
#include "io/process.hpp"
#include "io/run_task.hpp"
#include "io/timer.hpp"
#include "rpc/client.hpp"
#include "rpc/forward.hpp"
#include "rpc/frames.hpp"
#include "rpc/server.hpp"
#include "wire/msg/daemon_control.hpp"
#include "wire/msg/job_requests.hpp"
#include "wire/msg/kill_job.hpp"

namespace flurm::rpc {
namespace {

using wire::MsgType;

/// Answers pings, echoes shutdown options as a return code, and has a long and a missing answer.
io::Task<Reply> toy(Request request) {
  std::uint16_t version = request.version();
  switch (request.type()) {
    case MsgType::REQUEST_PING:
      co_return Reply::rc(Errc::success, version);
    case MsgType::REQUEST_SHUTDOWN:
      co_return Reply::rc(request.as<wire::Shutdown>().options, version);
    case MsgType::REQUEST_RECONFIGURE:
      co_return Reply::none();
    case MsgType::REQUEST_CONFIG: {
      Reply reply;
      reply.type = MsgType::RESPONSE_CONFIG;
      reply.make_body = [version] {
        wire::ConfigResponse config;
        config.config_files.emplace().push_back({true, false, "slurm.conf", std::string(3'000'000, '#')});
        return codec::pack(config, version);
      };
      co_return reply;
    }
    default:
      co_return Reply::rc(Errc::einval, version);
  }
}

class RpcTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    io::ignore_sigpipe();
    daemon = new auth::PrivateMunged;
  }
  static void TearDownTestSuite() { delete daemon; }

  void start(ServerOptions options = {}, Handler handler = toy) {
    options.host = "127.0.0.1";
    auto made = Server::listen(loop, munge, std::move(options), std::move(handler));
    ASSERT_TRUE(made) << made.error().text;
    server = std::move(*made);
  }
  void TearDown() override {
    if (server) io::run_task(loop, [this] { return server->finish(1000); });
    server.reset();
    io::run_task(loop, [this] { return io::sleep(loop, 1); });
  }
  Address here() const { return {"127.0.0.1", server->port()}; }

  /// Answers after a while.
  Handler naps() {
    return [this](Request request) -> io::Task<Reply> {
      return [](io::Loop& the_loop, std::uint16_t version) -> io::Task<Reply> {
        auto nap = io::sleep(the_loop, 300);
        co_await nap;
        co_return Reply::rc(0u, version);
      }(loop, request.version());
    };
  }

  static io::Task<void> call_into(Client& client, Address to, MsgType type, std::string body, std::uint16_t version,
                                  CallOptions options, Result<Response>& out) {
    auto calling = client.call(std::move(to), type, std::move(body), version, std::move(options));
    out = co_await calling;
  }
  Result<Response> call(MsgType type, std::string body = "", std::uint16_t version = wire::kOldestVersion,
                        std::uint64_t timeout_ms = 5000) {
    Result<Response> out = fail(Errc::error);
    CallOptions options;
    options.timeout_ms = timeout_ms;
    options.restrict_uid = getuid();
    io::run_task(loop, [&] { return call_into(client, here(), type, std::move(body), version, options, out); });
    return out;
  }

  static inline auth::PrivateMunged* daemon = nullptr;
  io::Loop loop;
  auth::Munge munge{daemon->socket()};
  Client client{loop, munge};
  std::unique_ptr<Server> server;
};

TEST_F(RpcTest, every_version_gets_its_answer) {
  start();
  for (std::uint16_t version : wire::kVersions) {
    auto response = call(MsgType::REQUEST_SHUTDOWN, codec::pack(wire::Shutdown{7}, version), version);
    ASSERT_TRUE(response) << response.error().text;
    EXPECT_EQ(response->version(), version);
    EXPECT_EQ(response->as<wire::ReturnCode>().return_code, 7u);
    // 22.05 verifies the answer's credential; later ones get none.
    EXPECT_EQ(response->authenticated, version == wire::v22_05);
  }
  EXPECT_EQ(server->stats().by_type.at(MsgType::REQUEST_SHUTDOWN).count, wire::kVersions.size());
  EXPECT_EQ(server->stats().by_user.at(getuid()).count, wire::kVersions.size());
}

TEST_F(RpcTest, long_answers_unknown_types_and_no_answer) {
  start();
  auto config = call(MsgType::REQUEST_CONFIG, codec::pack(wire::ConfigRequest{}, wire::v22_05));
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->as<wire::ConfigResponse>().config_files->at(0).file_content.size(), 3'000'000u);
  auto unknown = call(static_cast<MsgType>(4711), "whatever");
  ASSERT_TRUE(unknown) << unknown.error().text;
  EXPECT_EQ(unknown->as<wire::ReturnCode>().return_code, 22u);
  auto silence = call(MsgType::REQUEST_RECONFIGURE);
  ASSERT_FALSE(silence);
  EXPECT_EQ(silence.error().code, Errc::communications_receive);
}

TEST_F(RpcTest, client_tells_failures_apart) {
  start({}, naps());
  EXPECT_EQ(call(MsgType::REQUEST_PING, "", wire::v22_05, 50).error().code, Errc::timed_out);
  Result<Response> out = fail(Errc::error);
  io::run_task(loop, [&] {
    return call_into(client, {"127.0.0.1", 1}, MsgType::REQUEST_PING, "", wire::v22_05, {}, out);
  });
  EXPECT_EQ(out.error().code, Errc::communications_connection);
  auth::Munge nobody("/nonexistent");
  Client mute(loop, nobody);
  io::run_task(loop, [&] { return call_into(mute, here(), MsgType::REQUEST_PING, "", wire::v22_05, {}, out); });
  EXPECT_EQ(out.error().code, Errc::auth_cred_invalid);
}

/// A plain blocking socket, as a hostile peer would use.
class Raw {
 public:
  explicit Raw(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  Raw(Raw&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Raw() {
    if (fd_ >= 0) close(fd_);
  }
  void send(std::string_view bytes) { (void)!::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  /// -1: nothing yet; 0: closed.
  ssize_t receive(std::string& out) {
    char buffer[4096];
    ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
    if (n > 0) out.append(buffer, static_cast<std::size_t>(n));
    return n < 0 && errno == EAGAIN ? -1 : std::max<ssize_t>(n, 0);
  }

 private:
  int fd_;
};

class HostileTest : public RpcTest {
 protected:
  /// Sends the bytes; returns what came back when the server closed. Fails when it does not close.
  std::string talk(std::string_view bytes) {
    Raw raw(server->port());
    io::run_task(loop, [this] { return io::sleep(loop, 2); });
    raw.send(bytes);
    std::string answer;
    for (int i = 0; i < 500; ++i) {
      io::run_task(loop, [this] { return io::sleep(loop, 2); });
      ssize_t n;
      while ((n = raw.receive(answer)) > 0) {
      }
      if (n == 0) return answer;
    }
    ADD_FAILURE() << "the server keeps the connection";
    return answer;
  }
  void SetUp() override {
    log_set_level(Level::fatal);
    ServerOptions options;
    options.request_timeout_ms = 60;
    options.frame_bytes_max = 1 << 20;
    start(options);
  }
  void TearDown() override {
    // Whatever was sent: the next honest request is served.
    EXPECT_TRUE(call(MsgType::REQUEST_PING));
    RpcTest::TearDown();
    log_set_level(Level::info);
  }
  std::string honest(std::uint16_t version) {
    wire::Header header;
    header.version = version;
    header.msg_type = MsgType::REQUEST_PING;
    return *seal_frame(header, "", munge, std::nullopt);
  }
};

TEST_F(HostileTest, random_bytes_and_lengths) {
  std::mt19937 random(5);
  for (int i = 0; i < 30; ++i) {
    std::string bytes(random() % 3000, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    EXPECT_EQ(talk(bytes), "");
  }
  EXPECT_EQ(talk("\xff\xff\xff\xff"), "");
  EXPECT_EQ(talk(std::string("\0\x10\0\x01", 4)), "");
  EXPECT_EQ(talk(std::string("\0\0\0\0", 4)), "");
  EXPECT_EQ(talk(std::string("\0\0\0\x01\x26", 5)), "");
  EXPECT_EQ(talk("GET / HTTP/1.0\r\n\r\n"), "");
}

TEST_F(HostileTest, truncated_frames) {
  std::string frame = honest(wire::v22_05);
  for (std::size_t n = 0; n < frame.size(); n += 1 + n / 8) EXPECT_EQ(talk(frame.substr(0, n)), "") << n;
  EXPECT_NE(talk(frame), "");
}

TEST_F(HostileTest, unknown_version_is_closed) {
  std::string frame = honest(wire::v22_05);
  frame[4] = 0x25;
  EXPECT_EQ(talk(frame), "");
}

TEST_F(HostileTest, replay_and_foreign_credentials) {
  // 22.05 closes, 24.11 says why.
  std::string frame = honest(wire::v22_05);
  EXPECT_NE(talk(frame), "");
  EXPECT_EQ(talk(frame), "");
  frame = honest(wire::v24_11);
  EXPECT_NE(talk(frame), "");
  std::string told = talk(frame);
  auto split = wire::split_frame(std::string_view(told).substr(4));
  ASSERT_TRUE(split);
  EXPECT_EQ(codec::unpack<wire::ReturnCode>(split->body, wire::v24_11)->return_code, 1007u);

  // A credential for another body: swap the type in the header.
  frame = honest(wire::v22_05);
  frame[9] = static_cast<char>(static_cast<unsigned>(MsgType::REQUEST_RECONFIGURE) & 0xff);
  EXPECT_EQ(talk(frame), "");
  // No credential at all.
  wire::Header header;
  header.version = wire::v23_02;
  header.msg_type = MsgType::REQUEST_PING;
  EXPECT_EQ(talk(wire::build_frame(header, std::nullopt, "")), "");
  EXPECT_GE(server->stats().refused, 4u);
}

TEST_F(HostileTest, a_body_that_does_not_unpack_is_closed) {
  wire::Header header;
  header.version = wire::v22_05;
  header.msg_type = MsgType::REQUEST_SHUTDOWN;
  EXPECT_EQ(talk(*seal_frame(header, "x", munge, std::nullopt)), "");
}

TEST_F(RpcTest, a_thousand_idle_connections_do_no_harm) {
  log_set_level(Level::fatal);
  ServerOptions options;
  options.connections_max = 500;
  options.request_timeout_ms = 30'000;
  start(options);
  std::vector<Raw> idle;
  for (int i = 0; i < 1000; ++i) {
    idle.emplace_back(server->port());
    if (i % 100 == 0) io::run_task(loop, [this] { return io::sleep(loop, 1); });
  }
  io::run_task(loop, [this] { return io::sleep(loop, 1100); });
  // The server is full of silent connections; old ones make room.
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(call(MsgType::REQUEST_PING)) << i;
  EXPECT_LE(server->connections(), 501u);
  EXPECT_GT(server->stats().evicted, 0u);
  log_set_level(Level::info);
}

io::Task<void> open_into(io::Loop& loop, const auth::Munge& munge, Address to, std::uint16_t version,
                         Result<std::unique_ptr<PersistentClient>>& out) {
  CallOptions options;
  wire::PersistInit greeting;
  greeting.version = version;
  greeting.cluster_name = "test";
  greeting.persist_type = wire::persist_ha_ctl;
  auto opening = PersistentClient::open(loop, munge, to, std::move(greeting), options);
  out = co_await opening;
}

io::Task<void> call_many(PersistentClient& client, int count, int& good, io::Loop& loop) {
  auto one = [](PersistentClient& c, int i, int& left, int& ok, io::Event done) -> io::Task<void> {
    auto calling = c.call(MsgType::REQUEST_SHUTDOWN, wire::Shutdown{static_cast<std::uint16_t>(i)}, 5000);
    Result<Response> response = co_await calling;
    if (response && response->as<wire::ReturnCode>().return_code == static_cast<std::uint32_t>(i)) ++ok;
    if (--left == 0) done.set({});
  };
  int left = count;
  io::Event done(loop);
  for (int i = 0; i < count; ++i) io::spawn(one(client, i, left, good, done));
  auto waiting = done.wait(io::Deadline::in_ms(10'000));
  (void)co_await waiting;
}

TEST_F(RpcTest, persistent_connection_serves_many) {
  bool all_persistent = true;
  std::atomic<int> prepared = 0;
  ServerOptions options;
  options.prepare = [&](Request&) { ++prepared; };
  start(options, [&](Request request) {
    all_persistent &= request.persistent && request.identity.uid == getuid();
    return toy(std::move(request));
  });
  Result<std::unique_ptr<PersistentClient>> opened = fail(Errc::error);
  io::run_task(loop, [&] { return open_into(loop, munge, here(), wire::v24_05, opened); });
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_EQ((*opened)->version(), wire::v24_05);
  int good = 0;
  io::run_task(loop, [&] { return call_many(**opened, 200, good, loop); });
  EXPECT_EQ(good, 200);
  EXPECT_TRUE(all_persistent);
  EXPECT_EQ(prepared, 201);  // the opening and 200 calls
  EXPECT_EQ(server->stats().accepted, 1u);

  // The server goes: the client's next call fails, and it knows.
  server.reset();
  auto fails = [](PersistentClient& c, Result<Response>& out) -> io::Task<void> {
    auto calling = c.call(MsgType::REQUEST_PING, std::string(), 500);
    out = co_await calling;
  };
  Result<Response> out = fail(Errc::error);
  io::run_task(loop, [&] { return fails(**opened, out); });
  EXPECT_FALSE(out);
  EXPECT_FALSE((*opened)->is_open());
}

TEST(Tree, splits_as_slurm_does) {
  std::vector<std::string> nodes;
  for (int i = 1; i <= 7; ++i) nodes.push_back("m" + std::to_string(i));
  auto branches = split_tree(nodes, 2);
  ASSERT_EQ(branches.size(), 2u);
  EXPECT_EQ(branches[0], (Branch{"m1", "m2", "m3", "m4"}));
  EXPECT_EQ(branches[1], (Branch{"m5", "m6", "m7"}));
  EXPECT_TRUE(split_tree({}, 5).empty());
  EXPECT_EQ(split_tree(nodes, 50).size(), 7u);
  EXPECT_EQ(tree_depth(0, 2), 0u);
  EXPECT_EQ(tree_depth(7, 7), 1u);
  EXPECT_EQ(tree_depth(7, 2), 3u);
  EXPECT_EQ(tree_depth(3, 1), 3u);
}

class TreeTest : public RpcTest {
 protected:
  void SetUp() override {
    for (std::size_t i = 0; i < 7; ++i) {
      clients.push_back(std::make_unique<Client>(loop, munge));
      forwarders.push_back(std::make_unique<Forwarder>(*clients.back(), resolve()));
      ServerOptions options;
      options.host = "127.0.0.1";
      options.accept_replayed = true;  // seven nodes with one munged
      options.forwarder = forwarders.back().get();
      auto made = Server::listen(loop, munge, options, [this, i](Request request) {
        ++served[i];
        return answer(i, std::move(request));
      });
      ASSERT_TRUE(made);
      nodes.push_back(std::move(*made));
    }
  }
  void TearDown() override {
    for (auto& node : nodes) {
      if (node) io::run_task(loop, [&] { return node->finish(1000); });
      node.reset();
    }
    RpcTest::TearDown();
  }
  static io::Task<Reply> answer(std::size_t i, Request request) {
    co_return Reply::rc(static_cast<std::uint32_t>(100 + i), request.version());
  }
  Resolve resolve() {
    return [this](const std::string& name) -> Result<Address> {
      std::size_t i = static_cast<std::size_t>(std::stoul(name.substr(1))) - 1;
      if (i >= nodes.size()) return fail(Errc::invalid_node_name, "{}", name);
      return Address{"127.0.0.1", ports.empty() ? nodes[i]->port() : ports[i]};
    };
  }
  static io::Task<void> fan_into(Client& c, Resolve r, std::vector<std::string> names, FanOut what,
                                 std::vector<wire::RetEntry>& out) {
    auto fanning = fan_out(c, std::move(r), std::move(names), std::move(what));
    out = co_await fanning;
  }
  std::map<std::string, wire::RetEntry> fan(std::uint16_t version, unsigned width) {
    std::vector<std::string> names;
    for (int i = 1; i <= 7; ++i) names.push_back("m" + std::to_string(i));
    FanOut what;
    what.type = MsgType::REQUEST_PING;
    what.version = version;
    what.width = width;
    what.timeout_ms = 3000;
    std::vector<wire::RetEntry> entries;
    io::run_task(loop, [&] { return fan_into(client, resolve(), names, what, entries); });
    EXPECT_EQ(entries.size(), 7u);
    std::map<std::string, wire::RetEntry> by_node;
    for (wire::RetEntry& entry : entries) by_node[entry.node_name] = std::move(entry);
    return by_node;
  }
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::unique_ptr<Forwarder>> forwarders;
  std::vector<std::unique_ptr<Server>> nodes;
  std::vector<std::uint16_t> ports;
  int served[7] = {};
};

TEST_F(TreeTest, every_node_answers_once) {
  for (std::uint16_t version : {wire::v22_05, wire::v24_11}) {
    for (unsigned width : {1u, 2u, 16u}) {
      auto answers = fan(version, width);
      for (std::size_t i = 0; i < 7; ++i) {
        const wire::RetEntry& entry = answers["m" + std::to_string(i + 1)];
        EXPECT_EQ(entry.err, 0u);
        ASSERT_EQ(entry.type, MsgType::RESPONSE_SLURM_RC) << "m" << i + 1 << " width " << width;
        EXPECT_EQ(codec::unpack<wire::ReturnCode>(entry.body, version)->return_code, 100 + i);
      }
    }
  }
  for (int count : served) EXPECT_EQ(count, 6);
}

TEST_F(TreeTest, dead_nodes_cost_only_themselves) {
  log_set_level(Level::fatal);
  for (auto& node : nodes) ports.push_back(node->port());
  for (std::size_t dead : {std::size_t{0}, std::size_t{2}, std::size_t{5}}) {
    io::run_task(loop, [&] { return nodes[dead]->finish(100); });
  }
  auto answers = fan(wire::v22_05, 2);
  for (std::size_t i = 0; i < 7; ++i) {
    bool dead = i == 0 || i == 2 || i == 5;
    const wire::RetEntry& entry = answers["m" + std::to_string(i + 1)];
    EXPECT_EQ(entry.type, dead ? MsgType::RESPONSE_FORWARD_FAILED : MsgType::RESPONSE_SLURM_RC) << "m" << i + 1;
    EXPECT_EQ(entry.err, dead ? 1001u : 0u);
  }
  log_set_level(Level::info);
}

/// A machine without power: connections to it are neither taken nor refused.
struct NobodyHome {
  int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::vector<int> waiting;
  std::uint16_t port = 0;
  NobodyHome() {
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof here;
    EXPECT_EQ(bind(listening, reinterpret_cast<sockaddr*>(&here), size), 0);
    EXPECT_EQ(listen(listening, 0), 0);
    EXPECT_EQ(getsockname(listening, reinterpret_cast<sockaddr*>(&here), &size), 0);
    port = ntohs(here.sin_port);
    for (int i = 0; i < 4; ++i) {  // what the kernel takes for it
      waiting.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      (void)connect(waiting.back(), reinterpret_cast<sockaddr*>(&here), size);
    }
  }
  ~NobodyHome() {
    for (int fd : waiting) close(fd);
    close(listening);
  }
};

TEST_F(TreeTest, machines_without_power_cost_only_themselves) {
  log_set_level(Level::fatal);
  const NobodyHome dark;
  for (auto& node : nodes) ports.push_back(node->port());
  ports[0] = ports[1] = dark.port;
  auto answers = fan(wire::v22_05, 2);
  for (std::size_t i = 0; i < 7; ++i) {
    const wire::RetEntry& entry = answers["m" + std::to_string(i + 1)];
    EXPECT_EQ(entry.type, i < 2 ? MsgType::RESPONSE_FORWARD_FAILED : MsgType::RESPONSE_SLURM_RC) << "m" << i + 1;
    EXPECT_EQ(entry.err, i < 2 ? 1001u : 0u);
  }
  log_set_level(Level::info);
}

TEST_F(RpcTest, two_may_wait_for_the_end_of_all_connections) {
  start({}, naps());
  Result<Response> out = fail(Errc::error);
  io::spawn(call_into(client, here(), MsgType::REQUEST_PING, "", wire::v22_05, {.restrict_uid = getuid()}, out));
  while (server->connections() == 0) io::run_task(loop, [this] { return io::sleep(loop, 1); });
  bool first = false;
  io::spawn([](Server& finishing, bool& done) -> io::Task<void> {
    auto waiting = finishing.finish(60'000);
    co_await waiting;
    done = true;
  }(*server, first));
  io::run_task(loop, [this] { return server->finish(60'000); });
  io::run_task(loop, [this] { return io::sleep(loop, 1); });
  EXPECT_TRUE(first);
  EXPECT_TRUE(out);
}

// Debian's scontrol, unmodified, against the toy.
TEST_F(RpcTest, scontrol_ping) {
  if (access("/usr/bin/scontrol", X_OK) != 0) GTEST_SKIP() << "slurm-client is not installed";
  start();
  std::string conf = daemon->directory() + "/slurm.conf", out = daemon->directory() + "/out";
  char host[256] = "localhost";
  gethostname(host, sizeof host);
  std::ofstream(conf) << "ClusterName=toy\nSlurmctldHost=" << host << "(127.0.0.1)\nSlurmctldPort=" << server->port()
                      << "\nSlurmUser=" << getuid() << "\nAuthType=auth/munge\nAuthInfo=socket=" << daemon->socket()
                      << "\nNodeName=n1 NodeHostname=localhost\nPartitionName=p Nodes=n1\n";
  io::ChildWatch children(loop);
  pid_t pid = fork();
  if (pid == 0) {
    setenv("SLURM_CONF", conf.c_str(), 1);
    FILE* file = freopen(out.c_str(), "w", stdout);
    dup2(fileno(file), 2);
    execl("/usr/bin/scontrol", "scontrol", "ping", nullptr);
    _exit(127);
  }
  int status = -1;
  children.watch(pid, [&](int s, const rusage&) {
    status = s;
    loop.stop();
  });
  loop.run();
  std::ifstream in(out);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  EXPECT_EQ(status, 0) << text;
  EXPECT_NE(text.find("is UP"), std::string::npos) << text;
}

}  // namespace
}  // namespace flurm::rpc
