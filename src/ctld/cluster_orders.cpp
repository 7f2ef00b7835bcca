// ctld/cluster_orders.cpp — see cluster_orders.hpp.
#include "ctld/cluster_orders.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "cluster/resolve.hpp"
#include "conf/lines.hpp"
#include "fmt/ranges.h"
#include "io/timer.hpp"
#include "io/worker.hpp"

namespace flurm::ctld {
namespace {

/// How long an order looks for a leader that is not busy with another, and waits for its answer.
constexpr std::uint64_t kLeaderMs = 3'000, kAnswerMs = 6'000, kLeaveMs = 3'000, kAskAgainMs = 20;
/// How long one that ends waits for the answers to orders it passed on: nobody else can tell what became of them.
constexpr std::uint64_t kEndMs = kAnswerMs;
/// HTTP's word for: ask another controller.
constexpr int kMisdirected = 421;

struct Running {
  explicit Running(std::size_t& the_count) : count(the_count) { ++count; }
  ~Running() { --count; }
  Running(const Running&) = delete;
  std::size_t& count;
};

}  // namespace

ClusterOrders::ClusterOrders(io::Loop& loop, cluster::Link& link, replog::Log& log, Roster& roster, Options options)
    : loop_(loop), link_(link), log_(log), roster_(roster), options_(std::move(options)) {
  link_.on_call(cluster::CallKind::order, [this](std::uint64_t, std::string body) -> io::Task<Result<std::string>> {
    if (body.empty()) co_return fail(Errc::einval, "an empty order");
    auto carrying_out = carry_out(static_cast<Order>(body[0]), body.substr(1));
    co_return co_await carrying_out;
  });
  link_.on_call(cluster::CallKind::leave, [this](std::uint64_t from, std::string) -> io::Task<Result<std::string>> {
    if (from != log_.leader()) co_return fail(Errc::not_leader);
    leaving_ = true;
    roster_.expect_removal();
    auto leaving = options_.leave();
    co_await leaving;
    co_return std::string();
  });
}

io::Task<Result<std::string>> ClusterOrders::add(std::string name, std::string elsewhere) {
  std::optional<cluster::Member> member;
  if (const auto equals = name.find('='); equals != name.npos) {
    const Result<cluster::Member> there = cluster::parse_member(name.substr(equals + 1), options_.default_port);
    if (!there) co_return fail(there.error());
    member = *there;
    name.resize(equals);
  } else if (member = options_.locate(name); !member) {
    member = cluster::Member{.host = elsewhere.empty() ? name : elsewhere, .port = options_.default_port};
  }
  if (name.empty() || name.find_first_of("@:[] \t\n") != name.npos)
    co_return fail(Errc::einval, "'{}' is no controller's name", name);
  member->name = name;
  auto looking_up = io::on_worker(loop_, [host = member->host] { return cluster::look_up(host); });
  if (const Result<std::string> known = co_await looking_up; !known)
    co_return fail(Errc::einval, "{}; see flurm cluster add NAME=HOST", known.error().text);
  auto carrying = carry(Order::add, cluster::member_text(*member));
  co_return co_await carrying;
}

bool ClusterOrders::is_member() const {
  return !leaving_ &&
         std::ranges::any_of(log_.members(), [&](const replog::Member& one) { return one.id == link_.self(); });
}

io::Task<Result<std::string>> ClusterOrders::remove(std::string name) { return carry(Order::remove, std::move(name)); }
io::Task<Result<std::string>> ClusterOrders::transfer(std::string name) {
  return carry(Order::transfer, std::move(name));
}

io::Task<> ClusterOrders::ended() {
  for (const io::Deadline deadline = io::Deadline::in_ms(kEndMs); running_ > 0 && deadline.left_ms() > 0;) {
    auto pause = io::sleep(loop_, 1);
    co_await pause;
  }
}

io::Task<Result<std::string>> ClusterOrders::carry(Order order, std::string argument) {
  const Running running(running_);
  const io::Deadline deadline = io::Deadline::in_ms(kLeaderMs);
  Result<std::string> done =
      fail(Errc::not_leader, "no controller leads: more than half of {} must be there", link_.members().size());
  for (bool repeated = false;;) {
    if (log_.leads()) {
      auto carrying_out = carry_out(order, argument);
      done = co_await carrying_out;
    } else if (const std::uint64_t leader = log_.leader(); leader != 0 && leader != link_.self()) {
      auto calling = link_.call(leader, cluster::CallKind::order, static_cast<char>(order) + argument, kAnswerMs);
      done = co_await calling;
    }
    // Whoever took it, and fell or went, has carried it out.
    if (repeated && !done && done.error().code == Errc::already_done) co_return "done";
    const bool again =
        !done && (done.error().code == Errc::not_leader || done.error().code == Errc::eagain ||
                  done.error().code == Errc::closed || done.error().code == Errc::communications_connection);
    if (!again || stopping_ || deadline.left_ms() == 0) co_return done;
    repeated |= done.error().code == Errc::closed;
    auto pause = io::sleep(loop_, kAskAgainMs);
    co_await pause;
  }
}

io::Task<Result<std::string>> ClusterOrders::carry_out(Order order, std::string argument) {
  if (!log_.leads()) return []() -> io::Task<Result<std::string>> { co_return fail(Errc::not_leader); }();
  switch (order) {
    case Order::add:
      return add_here(std::move(argument));
    case Order::remove:
      return remove_here(std::move(argument));
    case Order::transfer:
      return transfer_here(std::move(argument));
  }
  return []() -> io::Task<Result<std::string>> { co_return fail(Errc::not_supported, "an unknown order"); }();
}

Result<cluster::Member> ClusterOrders::find(std::string_view name) const {
  std::vector<std::string_view> names;
  for (const cluster::Member& member : link_.members()) {
    if (conf::same_word(member.name, name)) return member;
    names.push_back(member.name);
  }
  return fail(Errc::einval, "'{}' is none of the controllers {}", name, fmt::join(names, ", "));
}

io::Task<Result<std::string>> ClusterOrders::add_here(std::string text) {
  std::optional<cluster::Member> member = cluster::read_member_text(1, text);
  if (!member) co_return fail(Errc::einval, "'{}' is no controller's address", text);
  member->id = cluster::member_id(member->name);
  if (!options_.has_secret || link_.port() == 0)
    co_return fail(Errc::einval, "{} has no shared secret, or cannot listen for others: see CookieFile in flurm.conf",
                   roster_.self().name);
  std::vector<cluster::Member> all = link_.members();
  if (const auto known = std::ranges::find(all, member->id, &cluster::Member::id); known != all.end()) {
    if (roster_.votes(known->id)) co_return fail(Errc::already_done, "{} is a member already", known->name);
    co_return fmt::format("{} is being added already; it votes as soon as it runs and has caught up", known->name);
  }
  all.push_back(*member);
  if (Result<void> good = cluster::check_members(all); !good) co_return fail(good.error());
  auto adding = log_.add_member({member->id, text, false});
  if (Result<void> added = co_await adding; !added) co_return fail(added.error());
  co_return fmt::format("{} is added at {}:{}; start it, and it votes as soon as it has caught up", member->name,
                        member->host, member->port);
}

io::Task<Result<void>> ClusterOrders::check_quorum_without(cluster::Member gone) const {
  auto asking = roster_.ask_all();
  const std::map<std::uint64_t, LogFacts> told = co_await asking;
  std::size_t voters = 0, there = 0;
  for (const cluster::Member& member : link_.members()) {
    if (member.id == gone.id || !roster_.votes(member.id)) continue;
    ++voters;
    // One with an empty log waits for a leader, and votes for none.
    const auto facts = told.find(member.id);
    there += member.id == link_.self() || (facts != told.end() && facts->second.stored > 0);
  }
  if (voters == 0) co_return fail(Errc::einval, "{} is the last controller", gone.name);
  if (2 * there <= voters)
    co_return fail(Errc::einval, "without {} only {} of {} controllers can be reached and have a log, too few to go on",
                   gone.name, there, voters);
  co_return Result<void>{};
}

io::Task<Result<std::string>> ClusterOrders::remove_here(std::string name) {
  const Result<cluster::Member> found = find(name);
  if (!found) co_return fail(Errc::already_done, "{}", found.error().text);
  const cluster::Member gone = *found;
  const bool voted = roster_.votes(gone.id);
  if (voted) {
    auto checking = check_quorum_without(gone);
    if (Result<void> enough = co_await checking; !enough) co_return fail(enough.error());
  }
  if (gone.id == link_.self()) {
    // Another one takes over first, so that clients notice nothing.
    auto handing_over = log_.hand_over();
    if (Result<void> handed = co_await handing_over; !handed) co_return fail(handed.error());
    auto carrying = carry(Order::remove, std::move(name));
    co_return co_await carrying;
  }
  if (!log_.has_settled()) co_return fail(Errc::eagain, "another change of the controllers is under way");
  for (const cluster::Peer& peer : link_.peers()) {
    if (peer.member.id != gone.id || !peer.connected) continue;
    auto asking = link_.call(gone.id, cluster::CallKind::leave, {}, kLeaveMs);
    (void)co_await asking;
    break;
  }
  auto removing = log_.remove_member(gone.id);
  if (Result<void> removed = co_await removing; !removed) co_return fail(removed.error());
  co_return fmt::format("{} is removed{}", gone.name, voted ? "; it ends by itself where it runs" : "");
}

io::Task<Result<std::string>> ClusterOrders::transfer_here(std::string name) {
  std::uint64_t to = 0;
  if (!name.empty()) {
    const Result<cluster::Member> found = find(name);
    if (!found) co_return fail(found.error());
    if (found->id == link_.self()) co_return fmt::format("{} leads already", found->name);
    if (!roster_.votes(found->id)) co_return fail(Errc::einval, "{} has not caught up yet", found->name);
    const auto peers = link_.peers();
    const auto peer =
        std::ranges::find(peers, to = found->id, [](const cluster::Peer& each) { return each.member.id; });
    if (peer != peers.end() && !peer->connected)
      co_return fail(Errc::einval, "{} cannot be reached: {}", found->name, peer->error);
  } else if (roster_.is_alone()) {
    co_return fail(Errc::einval, "{} is the only controller", roster_.self().name);
  }
  auto handing_over = log_.hand_over(to);
  if (Result<void> handed = co_await handing_over; !handed) co_return fail(handed.error());
  for (const cluster::Member& member : link_.members())
    if (member.id == log_.leader()) co_return fmt::format("{} leads", member.name);
  co_return fmt::format("{} leads no more", roster_.self().name);
}

void add_cluster_orders(Control& control, ClusterOrders& orders) {
  using Carry = std::function<io::Task<Result<std::string>>(const Arguments&)>;
  const auto on = [&](const char* path, Carry order) {
    control.on(path, [order, &orders](std::uint32_t, Arguments arguments) -> io::Task<http::Response> {
      if (!orders.is_member()) co_return control_failed(kMisdirected, "a controller that is no member takes no orders");
      auto carrying = order(arguments);
      const Result<std::string> done = co_await carrying;
      // It ends, or was removed and has not heard of it: the leader takes nothing from it.
      if (!done && (done.error().code == Errc::eperm || orders.is_stopping()))
        co_return control_failed(kMisdirected, done.error().text);
      co_return done ? control_done(*done) : control_failed(done.error());
    });
  };
  on("/api/cluster/add", [&](const Arguments& a) { return orders.add(a.text("name"), a.text("address")); });
  on("/api/cluster/remove", [&](const Arguments& a) { return orders.remove(a.text("name")); });
  on("/api/cluster/transfer-leadership", [&](const Arguments& a) { return orders.transfer(a.text("name")); });
  on("/api/cluster/force-election", [&](const Arguments&) { return orders.transfer(""); });
}

}  // namespace flurm::ctld
