// sched/features.cpp — reading and evaluating --constraint.
#include "sched/features.hpp"

#include <charconv>

namespace flurm::sched {
namespace {

bool is_operator(char c) { return std::string_view("&|,*[]()").find(c) != std::string_view::npos; }

}  // namespace

Result<Constraint> Constraint::parse(std::string_view text) {
  const auto bad = [text] { return fail(Errc::invalid_feature, "constraint '{}'", text); };
  Constraint out;
  Item item;
  std::string name;
  bool in_paren = false, after_paren = false, in_bracket = false, had_bracket = false;
  const auto end_item = [&](Join next) {
    item.next = next;
    out.items_.push_back(std::move(item));
    item = {};
    after_paren = false;
  };
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (!is_operator(c)) {
      if (!name.empty() || after_paren || (!in_paren && !item.names.empty())) return bad();
      while (at < text.size() && !is_operator(text[at])) name += text[at++];
      continue;
    }
    ++at;
    switch (c) {
      case '*': {
        std::uint32_t count = 0;
        const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), count);
        if (error != std::errc{} || count == 0 || in_paren || (name.empty() && !after_paren)) return bad();
        item.count = count;
        at = static_cast<std::size_t>(end - text.data());
        break;
      }
      case ',':  // a common slip, which Slurm takes for &
      case '&':
      case '|': {
        if (name.empty() && !after_paren) return bad();
        if (!name.empty()) item.names.push_back({std::move(name), c == '|' ? Join::any : Join::all});
        name.clear();
        if (in_paren) break;
        end_item(c == '|' ? (in_bracket ? Join::either : Join::any) : (in_bracket ? Join::together : Join::all));
        break;
      }
      case '(':
        if (in_paren || !name.empty() || after_paren) return bad();
        in_paren = true;
        break;
      case ')':
        if (!in_paren || name.empty()) return bad();
        item.names.push_back({std::move(name), Join::end});
        name.clear();
        in_paren = false;
        after_paren = true;
        break;
      case '[':
        if (had_bracket || !name.empty() || after_paren) return bad();
        in_bracket = had_bracket = true;
        break;
      default:  // ']'
        if (!in_bracket || (name.empty() && !after_paren)) return bad();
        in_bracket = false;
        break;
    }
  }
  if (in_paren || in_bracket) return bad();
  if (!name.empty()) item.names.push_back({std::move(name), Join::end});
  if (!item.names.empty()) {
    end_item(Join::end);
  } else if (!out.items_.empty()) {  // after a last operator, as Slurm lets it be
    out.items_.back().next = Join::end;
  } else {
    return text.empty() ? Result<Constraint>(out) : Result<Constraint>(bad());
  }

  // in brackets, & goes with counts and | without
  for (std::size_t i = 0; i < out.items_.size(); ++i) {
    const Join next = out.items_[i].next, before = i == 0 ? Join::end : out.items_[i - 1].next;
    const bool counts = next == Join::together || before == Join::together;
    const bool chooses = next == Join::either || before == Join::either;
    if ((counts && out.items_[i].count == 0) || (chooses && out.items_[i].count != 0)) return bad();
    out.apart_ = out.apart_ || counts;
  }
  return out;
}

std::vector<std::string> Constraint::names() const {
  std::vector<std::string> all;
  for (const Item& item : items_)
    for (const Name& name : item.names) all.push_back(name.text);
  return all;
}

Bitmap Constraint::item_nodes(const Item& item, const NodesOf& nodes_of) {
  Bitmap nodes = nodes_of(item.names.front().text);
  for (std::size_t i = 1; i < item.names.size(); ++i) {
    if (item.names[i - 1].next == Join::any)
      nodes |= nodes_of(item.names[i].text);
    else
      nodes &= nodes_of(item.names[i].text);
  }
  return nodes;
}

Bitmap Constraint::nodes(const Bitmap& all, const NodesOf& nodes_of) const {
  Bitmap found = all;
  Join before = Join::all;
  for (const Item& item : items_) {
    if (item.count != 0) return all;
    if (!bracketed(item.next) && before == Join::all)
      found &= item_nodes(item, nodes_of);
    else if (!bracketed(item.next) && before == Join::any)
      found |= item_nodes(item, nodes_of);
    before = item.next;
  }
  return found & all;
}

std::vector<Bitmap> Constraint::alternatives(const NodesOf& nodes_of) const {
  std::vector<Bitmap> found;
  if (apart_) return found;
  bool inside = false;
  for (const Item& item : items_) {
    if (inside || bracketed(item.next)) found.push_back(item_nodes(item, nodes_of));
    inside = bracketed(item.next);
  }
  return found;
}

std::vector<Constraint::Counted> Constraint::counted(const NodesOf& nodes_of) const {
  std::vector<Counted> found;
  for (const Item& item : items_)
    if (item.count != 0) found.push_back({item_nodes(item, nodes_of), item.count});
  return found;
}

}  // namespace flurm::sched
