// sched/place.hpp — whether and where a job fits, given the use of the nodes at one moment.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bitmap.hpp"
#include "sched/cluster.hpp"
#include "sched/demand.hpp"
#include "sched/distribute.hpp"
#include "sched/features.hpp"
#include "sched/gres.hpp"
#include "sched/offer.hpp"

namespace flurm::sched {

/// A request in one partition, prepared: jobs that ask for the same share one shape.
struct Shape {
  Demand demand;
  std::size_t partition = 0;
  Bitmap nodes;                      // of the partition that could serve: hardware, exclusions, features
  Lack lack = Lack::nothing;         // when hardware leaves none of them: what the last one configured lacks
  Bitmap required;                   // empty: none
  std::vector<Bitmap> alternatives;  // all nodes from one of these, when there are any
  std::vector<Constraint::Counted> counted;
  bool counted_apart = false;
  std::vector<std::pair<std::string, std::uint32_t>> licenses;
  std::shared_ptr<const Shape> anywhere;   // --switches: the same over any number of them, for one that has waited
  std::shared_ptr<const Shape> preferred;  // --prefer: the same with these features, which is tried first
};

/// Errors: invalid_feature, invalid_node_name, invalid_licenses for text in the request that cannot be read.
Result<Shape> make_shape(const model::JobRequest& request, std::size_t partition, const Cluster& cluster,
                         const model::Settings& settings);

/// Licenses as "a:2,b" says. Errors: invalid_licenses.
Result<std::vector<std::pair<std::string, std::uint32_t>>> parse_licenses(std::string_view text);

enum class Outcome : std::uint8_t {
  placed,
  busy,           // it fits once others have gone
  not_available,  // it fits once nodes that are down or set aside come back
  node_limit,     // the partition's limits on the number of nodes forbid it
  never,
  maintenance,  // it fits once what is reserved for others is free again
  reserved,     // its reservation does not let it, or not yet
};

class Placer {
 public:
  explicit Placer(const Cluster& cluster);

  /// Offers of nodes that do not change in `usage` are kept from one job to the next of the same shape.
  void watch(const Usage& usage);

  /// On success `holding` is what a job of `user` gets, its shares in node order. `within`: the nodes that the job's
  /// reservation has; what does not fit there never fits.
  Outcome place(const Shape& shape, std::uint32_t user, const Usage& usage, const Bitmap& available, Holding& holding,
                const Bitmap* within = nullptr);

  /// Cores that are out of bounds from now on, as Cluster::all_cores(); null for none.
  void bar(const std::vector<Word>* cores) { barred_ = cores; }

  /// The same on `nodes`, without asking why it fails.
  bool fits(const Shape& shape, std::uint32_t user, const Usage& usage, const Bitmap& nodes, Holding& holding);

  /// It fits on `nodes` if nothing else ran, as far as choosing nodes goes: like Slurm, this lets pass a job whose
  /// cores, once dealt out, would need more memory than the nodes have.
  bool possible(const Shape& shape, const Bitmap& nodes);

 private:
  /// One attempt: a demand, nodes to take from, nodes that must be among them.
  struct Attempt {
    const Demand& demand;
    const Bitmap& nodes;
    const Bitmap* required;
    const Usage& usage;
    std::size_t partition;
    std::uint32_t user;
    bool nodes_only;  // which cores and how much memory does not matter
    bool passing;     // the demand is made up for this attempt
  };
  /// Whose cores are out of bounds: everybody's, those of partitions of the same tier, or one row's.
  struct Taken {
    enum class By : std::uint8_t { all, same_tier, row, nobody } by = By::all;
    std::size_t row = 0;
  };

  bool place_in(const Shape& shape, std::uint32_t user, const Usage& usage, const Bitmap& nodes, bool nodes_only,
                Holding& holding);
  bool place_counted(const Shape& shape, std::uint32_t user, const Usage& usage, const Bitmap& nodes, bool nodes_only,
                     Holding& holding);
  bool attempt(const Attempt& attempt, Holding& holding);
  bool attempt_by_weight(const Attempt& attempt, Holding& holding);
  bool attempt_on(const Attempt& attempt, Holding& holding);
  /// Cores near devices are tried first, where they matter.
  bool attempt_beside(const Attempt& attempt, const Bitmap& nodes, Taken taken, Holding& holding);
  bool attempt_near(const Attempt& attempt, const Bitmap& nodes, Taken taken, Near near, Holding& holding);
  Bitmap without_unfit(const Attempt& attempt) const;
  void own_cores(const Demand& demand, NodeIndex node, Cores own) const;
  /// Takes out of `free`, the job's own cores, those that are out of bounds.
  void free_cores(const Attempt& attempt, NodeIndex node, Taken taken, Cores free) const;
  Room room_on(const Attempt& attempt, NodeIndex node, ConstCores free) const;
  bool give(const Attempt& attempt, const Bitmap& chosen, Taken taken, Near near, Holding& holding);
  /// The devices of each chosen node; none when they cannot be had.
  std::optional<std::vector<std::vector<model::GresShare>>> devices_of(const Attempt& attempt,
                                                                       const std::vector<Chosen>& chosen, Taken taken,
                                                                       Near near) const;

  /// What each node offers for a shape, as of a version of its use.
  struct Kept {
    const Demand* demand = nullptr;
    std::vector<std::uint32_t> versions;
    std::vector<Offer> offers;
    std::vector<Word> free;
  };
  Offer offer_on(const Attempt& attempt, NodeIndex node, Taken taken, Near near, Cores free);
  Offer kept_offer(const Attempt& attempt, NodeIndex node, Near near, Cores free);

  const Cluster& cluster_;
  const Usage* watched_ = nullptr;
  const std::vector<Word>* barred_ = nullptr;
  Kept kept_;
  Usage empty_;
  std::vector<Offer> offers_;
  std::vector<Word> free_;
};

}  // namespace flurm::sched
