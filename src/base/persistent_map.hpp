// base/persistent_map.hpp — a map from numbers to shared values whose copies share structure.
//
// A copy costs one pointer and stays as it was for ever, so readers, the scheduler and the snapshot writer each hold
// one while the owner goes on changing its own. A change copies only the path to the entry, and nothing at all when no
// copy of that path exists. Iteration is in key order. Not thread-safe by itself: one thread changes a map; copies may
// be read on any thread.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <utility>

namespace flurm {

template <class T>
class PersistentMap {
 public:
  using Key = std::uint64_t;
  using Value = std::shared_ptr<const T>;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  /// The value under `key`, or null.
  const T* find(Key key) const {
    const Value* slot = find_slot(key);
    return slot ? slot->get() : nullptr;
  }
  /// The same, sharing ownership.
  Value get(Key key) const {
    const Value* slot = find_slot(key);
    return slot ? *slot : nullptr;
  }

  void set(Key key, Value value) {
    if (!root_) root_ = std::make_shared<Node>();
    while (!covers(key)) grow();
    Value& slot = slot_for(key);
    if (!slot && value) ++size_;
    if (slot && !value) --size_;
    slot = std::move(value);
  }
  /// Nodes that become empty go too: keys that only ever grow leave nothing behind.
  void erase(Key key) {
    if (!find(key)) return;
    slot_for(key).reset();
    --size_;
    if (size_ == 0)
      *this = {};
    else
      prune(*root_, levels_, key);
  }

  /// Calls `visit(key, const Value&)` in key order; a visit that returns false ends the walk. True when it was not
  /// ended.
  template <class Visit>
  bool for_each(Visit&& visit) const {
    return !root_ || walk(*root_, levels_, 0, 0, visit);
  }
  /// The same, from the first key >= `first` on.
  template <class Visit>
  bool for_each_from(Key first, Visit&& visit) const {
    if (!root_ || !covers(first)) return true;
    return walk(*root_, levels_, 0, first, visit);
  }

  /// Calls `visit(key, before, after)` for each key whose value is not the same shared one in both maps; null where it
  /// has none. In key order; costs what the maps do not share.
  template <class Visit>
  static void diff(const PersistentMap& before, const PersistentMap& after, Visit&& visit) {
    compare(before.root_.get(), before.levels_, after.root_.get(), after.levels_, 0, visit);
  }

 private:
  static constexpr int kBits = 5;
  static constexpr Key kFanOut = Key{1} << kBits;
  struct Node {
    std::array<std::shared_ptr<Node>, kFanOut> children;  // inner nodes
    std::unique_ptr<std::array<Value, kFanOut>> values;   // leaves
    Node() = default;
    Node(const Node& other)
        : children(other.children),
          values(other.values ? std::make_unique<std::array<Value, kFanOut>>(*other.values) : nullptr) {}
  };

  bool covers(Key key) const { return levels_ * kBits >= 64 || (key >> (levels_ * kBits)) == 0; }
  void grow() {
    auto root = std::make_shared<Node>();
    root->children[0] = std::move(root_);
    root_ = std::move(root);
    ++levels_;
  }
  const Value* find_slot(Key key) const {
    if (!root_ || !covers(key)) return nullptr;
    const Node* node = root_.get();
    for (int level = levels_ - 1; level > 0; --level) {
      node = node->children[(key >> (level * kBits)) & (kFanOut - 1)].get();
      if (!node) return nullptr;
    }
    return node->values ? &(*node->values)[key & (kFanOut - 1)] : nullptr;
  }
  Value& slot_for(Key key) {
    std::shared_ptr<Node>* place = &root_;
    for (int level = levels_ - 1;; --level) {
      if (!*place) {
        *place = std::make_shared<Node>();
      } else if (place->use_count() > 1) {
        *place = std::make_shared<Node>(**place);
      }
      if (level == 0) break;
      place = &(*place)->children[(key >> (level * kBits)) & (kFanOut - 1)];
    }
    Node& leaf = **place;
    if (!leaf.values) leaf.values = std::make_unique<std::array<Value, kFanOut>>();
    return (*leaf.values)[key & (kFanOut - 1)];
  }
  /// Frees what is empty below `node` on the way to `key`, which nothing shares; true when that is all of it.
  static bool prune(Node& node, int levels, Key key) {
    const Key i = (key >> ((levels - 1) * kBits)) & (kFanOut - 1);
    if (levels > 1) {
      if (prune(*node.children[i], levels - 1, key)) node.children[i].reset();
      return std::none_of(node.children.begin(), node.children.end(), [](const auto& c) { return c != nullptr; });
    }
    return std::none_of(node.values->begin(), node.values->end(), [](const Value& v) { return v != nullptr; });
  }
  template <class Visit>
  static void compare(const Node* a, int a_levels, const Node* b, int b_levels, Key prefix, Visit& visit) {
    if (a == b && (!a || a_levels == b_levels)) return;
    const int levels = a_levels > b_levels ? a_levels : b_levels;
    const int shift = (levels - 1) * kBits;
    for (Key i = 0; i < kFanOut; ++i) {
      const Key key = prefix | (i << shift);
      if (levels == 1) {
        const Value none;
        const Value& before = a && a->values ? (*a->values)[i] : none;
        const Value& after = b && b->values ? (*b->values)[i] : none;
        if (before != after) visit(key, before, after);
      } else {
        compare(child(a, a_levels, levels, i), below(a_levels, levels), child(b, b_levels, levels, i),
                below(b_levels, levels), key, visit);
      }
    }
  }
  /// Child `i` of a tree seen as if it had `levels` levels.
  static const Node* child(const Node* node, int node_levels, int levels, Key i) {
    if (!node || node_levels == levels) return node ? node->children[i].get() : nullptr;
    return i == 0 ? node : nullptr;
  }
  static int below(int node_levels, int levels) { return node_levels == levels ? levels - 1 : node_levels; }
  template <class Visit>
  static bool walk(const Node& node, int levels, Key prefix, Key first, Visit& visit) {
    const int shift = (levels - 1) * kBits;
    for (Key i = 0; i < kFanOut; ++i) {
      const Key key = prefix | (i << shift);
      if (levels == 1) {
        if (!node.values) return true;
        const Value& value = (*node.values)[i];
        if (value && key >= first && !visit(key, value)) return false;
      } else if (node.children[i]) {
        const Key last = key | ((Key{1} << shift) - 1);
        if (last >= first && !walk(*node.children[i], levels - 1, key, first, visit)) return false;
      }
    }
    return true;
  }

  std::shared_ptr<Node> root_;
  int levels_ = 1;
  std::size_t size_ = 0;
};

}  // namespace flurm
