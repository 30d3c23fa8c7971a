// Answers as people and programs read them.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "rerankd/client.h"

namespace rerankd::client {

// `text` on one line of at most `columns` terminal columns, cut between two characters, with "…"
// where something is left out. Control characters, which could move the cursor, become spaces.
std::string FitColumns(std::string_view text, size_t columns);

// How many terminal columns `text`, which FitColumns returned, takes.
size_t TextColumns(std::string_view text);

// Rank, score, index and text of each result, best first, in lines of at most `columns`.
std::string RerankTable(const RerankAnswer& answer, const std::vector<std::string>& documents,
                        size_t columns);
nlohmann::ordered_json RerankJson(const RerankAnswer& answer);

// A model a line, then the errors of those that could not be loaded.
std::string ModelTable(const std::vector<Model>& models);
nlohmann::ordered_json ModelJson(const Model& model);
nlohmann::ordered_json ModelsJson(const std::vector<Model>& models);

// The code's name, the message, and what else the server said, one fact a line.
std::string ErrorText(const absl::Status& status);

}  // namespace rerankd::client
