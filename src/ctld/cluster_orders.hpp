// ctld/cluster_orders.hpp — what an administrator orders about the controllers themselves: one comes, one goes, another
// leads.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/link.hpp"
#include "ctld/control.hpp"
#include "ctld/roster.hpp"

namespace flurm::ctld {

/// Any member takes an order and carries it to the leader. Loop thread only; all that it is given must outlive it.
class ClusterOrders {
 public:
  struct Options {
    std::uint16_t default_port = 0;  ///< of the controller link
    bool has_secret = false;         ///< without one nobody can join
    /// Where the configuration as it is now says that a controller is.
    std::function<std::optional<cluster::Member>(std::string_view name)> locate;
    /// This member is about to be removed: ends what it does for clients.
    std::function<io::Task<>()> leave;
  };

  ClusterOrders(io::Loop& loop, cluster::Link& link, replog::Log& log, Roster& roster, Options options);

  /// Orders under way give up.
  void stop() { stopping_ = true; }
  bool is_stopping() const { return stopping_; }
  /// After stop(), and that of the link: returns when none is under way, at most two seconds later.
  io::Task<> ended();

  /// One that is none should send askers to the others.
  bool is_member() const;
  /// name: NAME or NAME=HOST[:PORT]. Without an address the configuration here gives it, else it is `elsewhere`, where
  /// whoever orders knows it to be, else it is the name. It votes when it has been started and has caught up. What has
  /// been done, in words, or errors: einval, already_done, with what is wrong; not_leader, timed_out: nobody leads, or
  /// no longer; it may have happened.
  io::Task<Result<std::string>> add(std::string name, std::string elsewhere);
  /// Refuses what would leave fewer than a majority. One that runs ends by itself.
  io::Task<Result<std::string>> remove(std::string name);
  /// An empty name: whoever is furthest.
  io::Task<Result<std::string>> transfer(std::string name);

 private:
  enum class Order : std::uint8_t { add = 1, remove = 2, transfer = 3 };
  io::Task<Result<std::string>> carry(Order order, std::string argument);
  io::Task<Result<std::string>> carry_out(Order order, std::string argument);
  io::Task<Result<std::string>> add_here(std::string text);
  io::Task<Result<std::string>> remove_here(std::string name);
  io::Task<Result<std::string>> transfer_here(std::string name);
  Result<cluster::Member> find(std::string_view name) const;
  /// The others of which more than half must be there once `gone` is removed.
  io::Task<Result<void>> check_quorum_without(cluster::Member gone) const;

  io::Loop& loop_;
  cluster::Link& link_;
  replog::Log& log_;
  Roster& roster_;
  const Options options_;
  std::size_t running_ = 0;
  bool leaving_ = false;  // the leader removes this member
  bool stopping_ = false;
};

/// POST /api/cluster/add {"name", "address"}, remove {"name"}, transfer-leadership {"name"}, force-election. `orders`
/// must outlive `control`.
void add_cluster_orders(Control& control, ClusterOrders& orders);

}  // namespace flurm::ctld
