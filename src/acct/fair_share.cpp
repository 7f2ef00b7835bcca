// acct/fair_share.cpp — see the header.
#include "acct/fair_share.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace flurm::acct {

namespace {

namespace flag = model::priority_flag;

constexpr double kLn2 = 0.6931471805599453;

// The C library's exp2() and log2() may differ in the last bit between its releases; square roots and products do not.

/// 2^-x for x >= 0.
double half_to_the(double x) {
  double result = 1, factor = 0.5;
  for (; x >= 1 && result > 0; x -= 1) result *= 0.5;
  for (int bit = 0; bit < 53 && x > 0; ++bit) {
    factor = std::sqrt(factor);
    x *= 2;
    if (x < 1) continue;
    x -= 1;
    result *= factor;
  }
  return result;
}

/// For x > 0.
double log2_of(double x) {
  int exponent = 0;
  double rest = std::frexp(x, &exponent) * 2, result = exponent - 1, place = 0.5;
  for (int bit = 0; bit < 53; ++bit, place *= 0.5) {
    rest *= rest;
    if (rest < 2) continue;
    rest *= 0.5;
    result += place;
  }
  return result;
}

/// Slurm's NO_VAL as a level: of accounts that are ranked with those above.
constexpr double kNoLevel = kNoVal32;

struct Node {
  const Assoc* assoc = nullptr;
  Node* parent = nullptr;        // the account above
  Node* share_parent = nullptr;  // the first one above that has shares of its own
  std::vector<Node*> children;   // whose share_parent it is, in the order of the tree
  double used = 0;
  std::uint64_t level_shares = 0;  // of itself and its siblings
  FairShare share;

  bool is_user() const { return !assoc->user.empty(); }
  bool of_parent() const { return assoc->shares == kSharesOfParent; }
  /// Its part among its siblings.
  double part() const {
    return level_shares ? static_cast<double>(assoc->shares) / static_cast<double>(level_shares) : 0;
  }
};

class Tree {
 public:
  Tree(const Books& books, const PersistentMap<Usage>& usage) {
    for (const auto& [id, assoc] : books.assocs().rows()) {
      if (assoc->deleted) continue;
      Node& node = nodes_[id];
      node.assoc = assoc.get();
      if (const Usage* used = usage.find(id)) node.used = used->raw;
      users_ += node.is_user();
    }
    for (auto& [id, node] : nodes_) {
      auto above = nodes_.find(node.assoc->parent_id);
      if (above != nodes_.end() && above->first != id)
        node.parent = &above->second;
      else if (!node.is_user() && !root_)
        root_ = &node;
    }
    for (auto& [id, node] : nodes_) {
      node.share_parent = node.parent;
      for (std::size_t depth = 0; node.share_parent && node.share_parent->of_parent() && !too_deep(depth); ++depth)
        node.share_parent = node.share_parent->parent;
    }
    if (!root_) return;
    for (const Books::Placed& placed : books.tree(root_->assoc->cluster)) {
      auto at = nodes_.find(placed.assoc->id);
      if (at != nodes_.end() && at->second.share_parent) at->second.share_parent->children.push_back(&at->second);
    }
    for (auto& [id, node] : nodes_) {
      std::uint64_t sum = 0;
      for (const Node* child : node.children)
        if (!child->of_parent()) sum += child->assoc->shares;
      for (Node* child : node.children) child->level_shares = sum;
    }
  }

  void rank_fairly() {
    for (auto& [id, node] : nodes_) node.share.shares_norm = sharing(node).part();
    if (!root_) return;
    rank_ = next_rank_ = users_;
    root_->share.level = kNoLevel;
    root_->share.usage_efctv = 1;
    rank(root_->children, false, 0);
  }

  void classic(const model::PriorityRule& rule) {
    for (auto& [id, node] : nodes_) {
      normalize_usage(node);
      normalize_whole(node);
    }
    if (!root_) return;
    root_->share.usage_efctv = 1;
    lay(*root_, rule, 0);
    for (auto& [id, node] : nodes_) {
      const FairShare& of = sharing(node).share;
      if (of.shares_norm > 0)
        node.share.factor = half_to_the(of.usage_efctv / of.shares_norm / std::max<int>(rule.damping, 1));
    }
  }

  std::map<std::uint32_t, FairShare> result() const {
    std::map<std::uint32_t, FairShare> out;
    for (const auto& [id, node] : nodes_) out[id] = node.share;
    return out;
  }

 private:
  /// No tree is deeper than it has nodes; books from elsewhere might hold a circle.
  bool too_deep(std::size_t depth) const { return depth > nodes_.size(); }

  /// Itself, or the one above whose shares it has.
  static const Node& sharing(const Node& node) {
    return node.of_parent() && node.share_parent ? *node.share_parent : node;
  }

  void normalize_usage(Node& node) const {
    node.share.usage_norm = root_ && root_->used > 0 ? std::min(1.0, node.used / root_->used) : 0;
  }

  /// The product of its parts at all levels.
  void normalize_whole(Node& node) const {
    double whole = 1;
    const Node* at = &sharing(node);
    for (std::size_t depth = 0; at->parent && !too_deep(depth); at = at->parent, ++depth)
      if (!at->of_parent()) whole *= at->part();
    node.share.shares_norm = whole;
  }

  void level(Node& node) const {
    FairShare& share = node.share;
    normalize_usage(node);
    share.usage_efctv = node.share_parent && node.share_parent->used > 0 ? node.used / node.share_parent->used : 0;
    if (node.of_parent())
      share.level = node.is_user() ? std::numeric_limits<double>::infinity() : kNoLevel;
    else
      share.level = share.shares_norm == 0 ? 0 : share.shares_norm / share.usage_efctv;
  }

  /// Those who are served least come first; of equal ones users.
  void rank(std::vector<Node*> siblings, bool tied_with_before, std::size_t depth) {
    if (too_deep(depth)) return;
    for (Node* node : siblings) level(*node);
    std::ranges::stable_sort(siblings, [](const Node* a, const Node* b) {
      if (a->share.level != b->share.level) return a->share.level > b->share.level;
      return a->is_user() && !b->is_user();
    });
    double before = kNoLevel;
    for (std::size_t i = 0; i < siblings.size(); ++i) {
      Node& node = *siblings[i];
      const bool tied = (i == 0 && tied_with_before) || before == node.share.level;
      if (node.is_user()) {
        if (!tied) rank_ = next_rank_;
        node.share.factor = static_cast<double>(rank_) / static_cast<double>(users_);
        --next_rank_;
      } else {
        // Accounts that stand equal are not taken for one, whatever Slurm's manual says: its users are ranked account
        // by account, and only where two accounts meet is the tie kept.
        rank(node.children, tied, depth + 1);
      }
      before = node.share.level;
    }
  }

  /// The classic way: what an account's siblings used is laid to it in part.
  void lay(Node& above, const model::PriorityRule& rule, std::size_t depth) {
    if (too_deep(depth)) return;
    double siblings_used = 0;
    for (const Node* child : above.children)
      if (!child->of_parent()) siblings_used += child->share.usage_norm;
    for (Node* child : above.children) {
      FairShare& share = child->share;
      if (&above == root_)
        share.usage_efctv = share.usage_norm;
      else if (child->of_parent() || (child->level_shares == 0 && !(rule.flags & flag::depth_oblivious)))
        share.usage_efctv = above.share.usage_efctv;
      else if ((rule.flags & flag::depth_oblivious))
        share.usage_efctv = oblivious(above.share, share, siblings_used);
      else
        share.usage_efctv = share.usage_norm + (above.share.usage_efctv - share.usage_norm) * child->part();
      lay(*child, rule, depth + 1);
    }
  }

  /// R = ratio(above) * ratio(level)^k, where k falls as the account above strays from its share while this level would
  /// lead back to it.
  static double oblivious(const FairShare& above, const FairShare& share, double siblings_used) {
    constexpr double kImpact = 5;
    if (share.shares_norm == 0 || above.shares_norm == 0 || above.usage_efctv == 0 || share.usage_norm == 0)
      return share.usage_norm;
    const double of_above = above.usage_efctv / above.shares_norm;
    const double of_level = share.usage_norm / share.shares_norm / (siblings_used / above.shares_norm);
    const double above_log = log2_of(of_above), level_log = log2_of(of_level);
    const double bend = kImpact * kLn2 * above_log;
    const double bent = level_log * (above_log * level_log >= 0 ? 1 : 1 / (1 + bend * bend));
    return of_above * (bent < 0 ? half_to_the(-bent) : 1 / half_to_the(bent)) * share.shares_norm;
  }

  std::map<std::uint32_t, Node> nodes_;
  Node* root_ = nullptr;
  std::uint32_t users_ = 0, rank_ = 0, next_rank_ = 0;
};

}  // namespace

std::map<std::uint32_t, FairShare> fair_shares(const Books& books, const PersistentMap<Usage>& usage,
                                               const model::PriorityRule& rule) {
  Tree tree(books, usage);
  if (rule.flags & flag::fair_tree)
    tree.rank_fairly();
  else
    tree.classic(rule);
  return tree.result();
}

model::AccountFactors account_factors(const Books& books, const PersistentMap<Usage>& usage,
                                      const model::PriorityRule& rule) {
  model::AccountFactors out;
  if (rule.fair_share || rule.association) {
    std::uint32_t highest = 0;
    const auto priority = [](const Assoc& assoc) {
      return assoc.limits.priority == kInfinite32 || assoc.limits.priority == kNoVal32 ? 0 : assoc.limits.priority;
    };
    for (const auto& [id, assoc] : books.assocs().rows()) highest = std::max(highest, priority(*assoc));
    const bool plain = rule.flags & flag::no_normal_association;
    for (const auto& [id, assoc] : books.assocs().rows())
      if (priority(*assoc) != 0)
        out.associations[id].priority = plain ? priority(*assoc) : static_cast<double>(priority(*assoc)) / highest;
  }
  if (rule.fair_share)
    for (const auto& [id, share] : fair_shares(books, usage, rule)) out.associations[id].fair_share = share.factor;
  if (rule.qos) {
    std::uint32_t highest = 0;
    for (const auto& [id, qos] : books.qos.rows()) highest = std::max(highest, qos->priority);
    for (const auto& [id, qos] : books.qos.rows())
      if (qos->priority != 0)
        out.qos[id] = rule.flags & flag::no_normal_qos ? qos->priority : static_cast<double>(qos->priority) / highest;
  }
  return out;
}

}  // namespace flurm::acct
