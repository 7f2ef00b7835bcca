// pmix/fences.cpp — see fences.hpp.
#include "pmix/fences.hpp"

namespace flurm::pmix {

void fields(codec::Archive& ar, Letter& m) {
  ar("kind", m.kind);
  ar("fence", m.fence);
  ar("number", m.number);
  ar("task", m.task);
  ar("status", m.status);
  ar("data", codec::bytes(m.data));
}

void Fences::enter(const std::string& fence, std::vector<std::uint32_t> nodes, std::string data, Done done) {
  const Key key{fence, ++entered_[fence]};
  Fence& here = open_[key];
  here.done = std::move(done);
  here.nodes = std::move(nodes);
  if (here.nodes.front() == node_) {
    here.brought[node_] = std::move(data);
    return finish_if_complete(key);
  }
  send_(here.nodes.front(),
        {.kind = Letter::Kind::contribution, .fence = fence, .number = key.second, .data = std::move(data)});
}

void Fences::take(std::uint32_t from, Letter letter) {
  const Key key{letter.fence, letter.number};
  if (letter.kind == Letter::Kind::contribution) {
    open_[key].brought[from] = std::move(letter.data);
    return finish_if_complete(key);
  }
  auto node = open_.extract(key);
  if (node && node.mapped().done) node.mapped().done(std::move(letter.data));
}

void Fences::finish_if_complete(const Key& key) {
  const auto found = open_.find(key);
  if (found->second.nodes.empty() || found->second.brought.size() < found->second.nodes.size()) return;
  Fence whole = std::move(open_.extract(found).mapped());
  std::string all;
  for (const auto& [node, data] : whole.brought) all += data;
  for (const std::uint32_t node : whole.nodes) {
    if (node == node_) continue;
    send_(node, {.kind = Letter::Kind::result, .fence = key.first, .number = key.second, .data = all});
  }
  whole.done(std::move(all));
}

}  // namespace flurm::pmix
