// rerankctl, the command-line client of rerankd.
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <chrono>
#include <clocale>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "bench.h"
#include "completion.h"
#include "connection.h"
#include "documents.h"
#include "eval.h"
#include "interruption.h"
#include "key.h"
#include "load_generator.h"
#include "output.h"
#include "progress_bar.h"
#include "pull.h"
#include "rerankd/client.h"
#include "top.h"

namespace rerankd::client {
namespace {

constexpr int kOk = 0;
constexpr int kCallFailed = 1;
constexpr int kUsage = 2;

constexpr char kFooter[] =
    "The options above may come before or after the command.\n"
    "Exit codes: 0 done; 1 a call or download failed, or the server is not serving; 2 wrong usage "
    "or input;\n130 or 143 interrupted (Ctrl-C, SIGTERM): bench prints what it has measured first, "
    "unless asked twice.\n"
    "Environment: RERANKD_TARGET stands for --target, RERANKD_API_KEY for --api-key (which others "
    "would see in\nthe list of processes), RERANKD_METRICS for top's --metrics, COLUMNS for the "
    "width of the table; pull reads what "
    "huggingface_hub reads:\nHF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, ...";

struct CommonArguments {
  std::string target = "127.0.0.1:50051";
  double deadline_seconds = 30;
  int retries = RetryOptions().max_attempts - 1;
  bool json = false;
  ConnectionArguments connection;
  Client::Options options;  // what ConnectionOptions() makes of it
};

struct RerankArguments {
  std::string query;
  std::string documents;
  std::string format;      // a key of Formats(), or empty
  std::string truncation;  // a key of Truncations(), or empty
  RerankOptions options;
};

struct TopArguments {
  std::string metrics = "127.0.0.1:9464";
  double interval_seconds = 2;
  bool once = false;
};

struct HealthArguments {
  std::string model;
  double wait_seconds = 0;
};

const std::map<std::string, DocumentFormat>& Formats() {
  static const std::map<std::string, DocumentFormat> formats = {{"lines", DocumentFormat::kLines},
                                                                {"jsonl", DocumentFormat::kJsonl}};
  return formats;
}

const std::map<std::string, Truncation>& Truncations() {
  static const std::map<std::string, Truncation> truncations = {
      {"only_document", Truncation::kOnlyDocument},
      {"longest_first", Truncation::kLongestFirst},
      {"refuse", Truncation::kRefuse}};
  return truncations;
}

template <typename Value>
std::vector<std::string> Keys(const std::map<std::string, Value>& values) {
  std::vector<std::string> keys;
  keys.reserve(values.size());
  for (const auto& [key, value] : values) keys.push_back(key);
  return keys;
}

// CLI::Range alone lets NaN through.
CLI::Validator NumberWithin(double least, double most) {
  return CLI::Range(least, most) & CLI::Validator(
                                       [](std::string& text) {
                                         return std::isnan(std::strtod(text.c_str(), nullptr))
                                                    ? std::string("must be a number")
                                                    : std::string();
                                       },
                                       "");
}

CLI::Validator Seconds() { return NumberWithin(0.001, 86'400.0); }

std::chrono::milliseconds Milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
}

Client::Options ClientOptions(const CommonArguments& common) {
  Client::Options options = common.options;
  options.target = common.target;
  options.deadline = Milliseconds(common.deadline_seconds);
  options.retry.max_attempts = 1 + common.retries;
  return options;
}

Client MakeClient(const CommonArguments& common) { return Client(ClientOptions(common)); }

size_t OutputColumns(int terminal = STDOUT_FILENO) {
  const char* const wanted = std::getenv("COLUMNS");
  int columns = 0;
  if (wanted != nullptr && absl::SimpleAtoi(wanted, &columns) && columns > 0) {
    return static_cast<size_t>(columns);
  }
  winsize size{};
  if (ioctl(terminal, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 100;
}

void Print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void PrintJson(const nlohmann::ordered_json& json) {
  Print(json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

int Fail(const absl::Status& status) {
  std::fputs(("rerankctl: " + ErrorText(status)).c_str(), stderr);
  return kCallFailed;
}

// Of a call, which may not have reached a server.
int FailCall(const CommonArguments& common, const absl::Status& status) {
  Fail(status);
  const std::string advice = ConnectionAdvice(status, common.connection, common.target);
  if (!advice.empty()) std::fputs(fmt::format("  {}\n", advice).c_str(), stderr);
  return kCallFailed;
}

int FailUsage(std::string_view message) {
  std::fputs(fmt::format("rerankctl: {}\n", message).c_str(), stderr);
  return kUsage;
}

absl::StatusOr<std::vector<std::string>> LoadDocuments(const std::string& path,
                                                       const std::string& format_name) {
  const DocumentFormat format = !format_name.empty()       ? Formats().at(format_name)
                                : path.ends_with(".jsonl") ? DocumentFormat::kJsonl
                                                           : DocumentFormat::kLines;
  if (path == "-") return ReadDocuments(std::cin, format, "standard input");
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return absl::InvalidArgumentError(
        fmt::format("{}: {}", path, std::generic_category().message(errno)));
  }
  return ReadDocuments(in, format, path);
}

int RunRerank(const CommonArguments& common, const RerankArguments& arguments) {
  const auto documents = LoadDocuments(arguments.documents, arguments.format);
  if (!documents.ok()) return FailUsage(std::string(documents.status().message()));
  RerankOptions options = arguments.options;
  if (!arguments.truncation.empty()) options.truncation = Truncations().at(arguments.truncation);
  const auto answer = MakeClient(common).Rerank(arguments.query, *documents, options);
  if (!answer.ok()) return FailCall(common, answer.status());
  if (common.json) {
    PrintJson(RerankJson(*answer));
  } else {
    Print(RerankTable(*answer, *documents, OutputColumns()));
  }
  return kOk;
}

int RunModels(const CommonArguments& common) {
  const auto models = MakeClient(common).ListModels();
  if (!models.ok()) return FailCall(common, models.status());
  if (common.json) {
    PrintJson(ModelsJson(*models));
  } else {
    Print(ModelTable(*models));
  }
  return kOk;
}

// load, reload, unload: what the client calls for each.
using ModelCommand = absl::StatusOr<Model> (Client::*)(const std::string& name);

int RunModelCommand(const CommonArguments& common, ModelCommand command, const std::string& name) {
  Client client = MakeClient(common);
  const auto model = (client.*command)(name);
  if (!model.ok()) return FailCall(common, model.status());
  if (common.json) {
    PrintJson(ModelJson(*model));
  } else {
    Print(ModelTable({*model}));
  }
  return kOk;
}

int RunHealth(CommonArguments common, const HealthArguments& arguments) {
  const bool wait = arguments.wait_seconds > 0;
  if (wait) common.deadline_seconds = arguments.wait_seconds;
  Client client = MakeClient(common);
  const auto serving =
      wait ? client.WaitUntilServing(arguments.model) : client.IsServing(arguments.model);
  if (!serving.ok()) return FailCall(common, serving.status());
  const char* text = *serving ? "SERVING" : "NOT_SERVING";
  if (common.json) {
    PrintJson(nlohmann::ordered_json{{"status", text}});
  } else {
    Print(fmt::format("{}\n", text));
  }
  return *serving ? kOk : kCallFailed;
}

int RunKey(const CommonArguments& common, const KeyArguments& arguments) {
  const auto made = MakeKey(arguments);
  if (!made.ok()) return FailUsage(std::string(made.status().message()));
  if (common.json) {
    nlohmann::ordered_json json;
    if (arguments.out.empty()) json["key"] = made->key.Reveal();
    json["line"] = made->line;
    PrintJson(json);
  } else {
    Print(arguments.out.empty() ? made->key.Reveal() + "\n" + made->line + "\n"
                                : made->line + "\n");
  }
  if (std::fflush(stdout) != 0) {
    // A key without its line opens nothing; the next try wants the file's name.
    if (!arguments.out.empty()) std::remove(arguments.out.c_str());
    return FailUsage("cannot write the output; no key was made");
  }
  return kOk;
}

int RunPull(const CommonArguments& common, const PullArguments& arguments) {
  const auto id = MakeModelId(arguments.model, arguments.revision);
  if (!id.ok()) return FailUsage(std::string(id.status().message()));
  auto options = PullOptions(arguments);
  if (!options.ok()) return FailUsage(std::string(options.status().message()));
  const auto folder = Pull(*id, *std::move(options), arguments.quiet, OutputColumns(STDERR_FILENO));
  if (!folder.ok()) return Fail(folder.status());
  if (common.json) {
    PrintJson(nlohmann::ordered_json{{"folder", folder->string()}});
  } else {
    Print(folder->string() + "\n");
  }
  return kOk;
}

int RunTop(const CommonArguments& common, const TopArguments& arguments) {
  const auto wanted = MetricsUrl(arguments.metrics);
  if (!wanted.ok()) {
    return FailUsage(fmt::format("--metrics {}", std::string(wanted.status().message())));
  }
  const std::string& url = *wanted;
  const bool refresh = !arguments.once && !common.json && isatty(STDOUT_FILENO) == 1;
  auto before = LookAtMetrics(url);
  auto when = std::chrono::steady_clock::now();
  while (before.ok()) {
    std::this_thread::sleep_for(Milliseconds(arguments.interval_seconds));
    auto after = LookAtMetrics(url);
    if (!after.ok()) return Fail(after.status());
    const auto now = std::chrono::steady_clock::now();
    const ServerLoad load =
        CompareLooks(*before, *after, std::chrono::duration<double>(now - when).count());
    if (common.json) {
      Print(TopJson(load).dump() + "\n");
    } else {
      Print((refresh ? "\033[H\033[2J" : "") + TopTable(load) + (arguments.once ? "" : "\n"));
    }
    if (arguments.once || std::fflush(stdout) != 0) return kOk;
    before = std::move(after);
    when = now;
  }
  Fail(before.status());
  std::fputs(
      fmt::format(
          "  does rerankd serve its metrics at {}? (its setting metrics.listen; --metrics)\n", url)
          .c_str(),
      stderr);
  return kCallFailed;
}

int RunEval(const CommonArguments& common, EvalArguments arguments) {
  const auto set = LoadJudgedSet(arguments);
  if (!set.ok()) return FailUsage(std::string(set.status().message()));
  Client::Options client_options = ClientOptions(common);
  client_options.retry.max_attempts = 1;  // what is repeated, and until when, is the evaluation's
  Client client(std::move(client_options));
  std::vector<EvalRow> rows = {Evaluate(*set, AsGiven(set->queries), arguments.relevant)};
  int code = kOk;
  if (arguments.models.empty()) arguments.models.emplace_back();  // the server's default
  if (arguments.models.size() > 1) {
    // A server that cannot be asked will be no better at answering queries, which then say why.
    const auto served = client.ListModels();
    arguments.models =
        DistinctModels(arguments.models, served.ok() ? *served : std::vector<Model>());
  }
  for (const std::string& model : arguments.models) {
    const ModelRun run =
        EvaluateModel(client, model, *set, arguments.concurrency,
                      Milliseconds(common.deadline_seconds), OutputColumns(STDERR_FILENO));
    if (run.errors > 0) {
      code = FailCall(common, run.first_error);
      std::fputs(fmt::format("  {}: no answer to {} of {} queries\n", run.model, run.errors,
                             set->queries.size())
                     .c_str(),
                 stderr);
    }
    if (!arguments.run_file.empty()) {
      const absl::Status written = WriteRunFile(RunFileOf(arguments, model), *set, run);
      if (!written.ok()) return FailUsage(std::string(written.message()));
    }
    rows.push_back(Evaluate(*set, run, arguments.relevant));
  }
  if (common.json) {
    PrintJson(EvalJson(*set, rows));
  } else {
    Print(fmt::format("{} queries, {} of them with a relevant document\n", set->queries.size(),
                      CountJudged(*set)));
    Print(EvalTable(rows));
    if (arguments.plot) Print("\n" + EvalPlot(rows, OutputColumns()));
  }
  return code;
}

// As a shell shows that a signal ended a program.
int Interrupted(int signal) {
  std::fputs(
      fmt::format("rerankctl: interrupted ({})\n", signal == SIGINT ? "SIGINT" : "SIGTERM").c_str(),
      stderr);
  return 128 + signal;
}

int RunBench(const CommonArguments& common, const BenchArguments& arguments) {
  BenchRequest request = GeneratedRequest(arguments.generated_documents, arguments.generated_words);
  if (!arguments.query.empty()) request.query = arguments.query;
  if (!arguments.documents.empty()) {
    auto documents = LoadDocuments(arguments.documents, arguments.format);
    if (!documents.ok()) return FailUsage(std::string(documents.status().message()));
    if (documents->empty()) return FailUsage(arguments.documents + ": holds no documents");
    request.documents = *std::move(documents);
  }
  const Interruption interruption;
  Client::Options client_options = ClientOptions(common);
  client_options.retry.max_attempts = 1;  // what was refused is to be seen
  Client client(std::move(client_options));
  const RerankOptions rerank{.model = arguments.model, .cancel = interruption.token()};
  const auto call = [&] {
    return client.Rerank(request.query, request.documents, rerank).status();
  };
  // Connects, loads a model that is loaded on demand, and says at once what no call could do.
  if (const absl::Status first = call(); !first.ok()) {
    if (interruption.signal() != 0) return Interrupted(interruption.signal());
    return FailCall(common, first);
  }

  const LoadOptions load = LoadOptionsOf(arguments);
  ProgressBar bar(OutputColumns(STDERR_FILENO), isatty(STDERR_FILENO) != 0);
  const LoadResult result = GenerateLoad(
      load, SteadyLoadClock(interruption.token()), call,
      [&](size_t done, std::chrono::nanoseconds elapsed) {
        bar.Update(BenchFraction(load, done, elapsed), fmt::format("{} calls", done));
      },
      interruption.token());
  bar.Clear();
  const int signal = interruption.signal();
  if (common.json) {
    PrintJson(BenchJson(load, request.documents.size(), result, signal != 0));
  } else {
    Print(BenchTable(load, request.documents.size(), result, signal != 0));
  }
  std::fflush(stdout);  // while a second signal still ends it
  if (result.failed() > 0) FailCall(common, result.first_error);
  if (signal != 0) return Interrupted(signal);
  return result.failed() == 0 ? kOk : kCallFailed;
}

int Run(int argc, char** argv) {
  CommonArguments common;
  RerankArguments rerank;
  HealthArguments health;
  PullArguments pull;
  TopArguments top;
  KeyArguments key;
  EvalArguments eval;
  BenchArguments bench;
  std::string model_name;
  std::function<int()> run;

  CLI::App app("Asks a rerankd server over gRPC.", "rerankctl");
  app.footer(kFooter);
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", "rerankctl " RERANKD_VERSION);
  app.add_option("--target", common.target, "the server: host:port or unix:/path")
      ->envname("RERANKD_TARGET")
      ->capture_default_str();
  const auto* deadline =
      app.add_option("--deadline", common.deadline_seconds, "seconds until a call is given up")
          ->check(Seconds())
          ->capture_default_str();
  app.add_option("--retries", common.retries,
                 "how often a call is sent again after a failure that may pass")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  app.add_flag("--json", common.json, "print JSON instead of a table");
  AddConnectionOptions(app, common.connection);

  CLI::App* command = app.add_subcommand("rerank", "Order documents by how well they answer.");
  command->add_option("--query", rerank.query, "what is asked")->required();
  command
      ->add_option("--documents", rerank.documents, "a file of documents; - is the standard input")
      ->required();
  command
      ->add_option("--format", rerank.format,
                   "lines: a document a line; jsonl: a JSON string, or an object with \"text\", a "
                   "line (default: jsonl for files named *.jsonl)")
      ->check(CLI::IsMember(Keys(Formats())));
  command->add_option("--top-k", rerank.options.top_k, "how many results; 0: all")
      ->check(CLI::Range(uint32_t{0}, std::numeric_limits<uint32_t>::max()));
  command->add_option("--model", rerank.options.model, "which model (default: the server's)");
  auto* raw = command->add_flag_callback(
      "--raw", [&] { rerank.options.score_kind = ScoreKind::kRaw; }, "the model's own scores");
  command
      ->add_flag_callback(
          "--sigmoid", [&] { rerank.options.score_kind = ScoreKind::kSigmoid; },
          "scores between 0 and 1")
      ->excludes(raw);
  command
      ->add_option("--truncation", rerank.truncation,
                   "what happens to texts that are too long (default: the model's)")
      ->check(CLI::IsMember(Keys(Truncations())));
  command->add_flag("--return-documents", rerank.options.return_documents,
                    "let the server send the texts back (for --json)");
  command->add_option("--request-id", rerank.options.request_id, "for the server's log");
  command->callback([&] { run = [&] { return RunRerank(common, rerank); }; });

  command = app.add_subcommand("models", "List the models that the server has.");
  command->callback([&] { run = [&] { return RunModels(common); }; });

  const struct {
    const char* name;
    const char* description;
    ModelCommand command;
  } model_commands[] = {
      {"load", "Load a model, if it is not loaded.", &Client::LoadModel},
      {"reload", "Load a model again; the old one serves until the new one can.",
       &Client::ReloadModel},
      {"unload", "Unload a model and give its memory back.", &Client::UnloadModel}};
  for (const auto& one : model_commands) {
    command = app.add_subcommand(one.name, one.description);
    command->footer(
        "The server must allow it (admin: true). Waits for an hour, or for --deadline.");
    command->add_option("NAME", model_name, "the model's name or an alias")->required();
    command->callback([&, one] {
      if (deadline->count() == 0) common.deadline_seconds = 3600;
      run = [&, one] { return RunModelCommand(common, one.command, model_name); };
    });
  }

  command = app.add_subcommand("health", "Say whether the server takes calls.");
  command->add_option("--model", health.model, "ask for one model");
  command
      ->add_option("--wait", health.wait_seconds, "keep asking for so many seconds until it does")
      ->check(Seconds());
  command->callback([&] { run = [&] { return RunHealth(common, health); }; });

  command = app.add_subcommand("top", "Show what each model does now, again and again.");
  command->footer(
      "Reads the server's metrics. Rates, latencies and shares are those of the time between two "
      "looks; latencies are\ninterpolated. --json prints an object a line.");
  command->add_option("--metrics", top.metrics, "where they are: host:port, or a URL")
      ->envname("RERANKD_METRICS")
      ->capture_default_str();
  command->add_option("--interval", top.interval_seconds, "seconds between two looks")
      ->check(Seconds())
      ->capture_default_str();
  command->add_flag("--once", top.once, "print once, after one interval, and end");
  command->callback([&] { run = [&] { return RunTop(common, top); }; });

  command = app.add_subcommand("eval", "Measure models on queries with judged documents.");
  command->footer(
      "Prints for each model, and for the documents as given, nDCG@10 (as trec_eval's "
      "ndcg_cut_10), MRR@10, and how\nlong a query took. Exit code 1 when a query got no answer: "
      "it counts as an error, and in no mean.");
  command
      ->add_option("--data", eval.data,
                   "a query a line: {\"qid\", \"query\", \"docs\": [[id, text], ...] or [{\"id\", "
                   "\"text\"}, ...]}")
      ->required();
  command->add_option("--qrels", eval.qrels, "a judgment a line: qid 0 docid grade")->required();
  command->add_option("--models", eval.models, "which models, with commas (default: the server's)")
      ->delimiter(',');
  command
      ->add_option("--top-k-docs", eval.max_documents,
                   "use only the first N documents of each query; 0: all")
      ->check(CLI::Range(uint32_t{0}, std::numeric_limits<uint32_t>::max()));
  command->add_option("--concurrency", eval.concurrency, "how many queries at a time")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--relevant", eval.relevant, "the grade that counts as relevant for MRR")
      ->check(CLI::Range(1, std::numeric_limits<int>::max()))
      ->capture_default_str();
  command->add_option("--run-file", eval.run_file,
                      "also write the rankings for trec_eval (of several models each to a file of "
                      "its own: OUT.MODEL)");
  command->add_flag("--plot", eval.plot, "draw the figures as bars");
  command->callback([&] { run = [&] { return RunEval(common, eval); }; });

  command = app.add_subcommand("key", "Make an API key, and the line of the server's keys_file.");
  command->footer(
      "Without --out prints both, the key first. The key is shown this once: the line holds its "
      "hash only.");
  command->add_option("TENANT", key.tenant, "whose key it is: letters, digits and . _ -")
      ->required();
  command
      ->add_option("--tokens-per-second", key.tokens_per_second,
                   "what all keys of the tenant may have computed together; 0: no limit")
      ->check(CLI::Range(uint64_t{0}, uint64_t{1'000'000'000'000}));
  command
      ->add_option("--burst", key.burst,
                   "tokens that may be saved up (default: ten seconds' worth)")
      ->check(CLI::Range(uint64_t{0}, uint64_t{1'000'000'000'000}));
  command->add_flag("--admin", key.admin, "let it load, reload and unload models");
  command->add_option("--out", key.out, "a new file for the key, instead of printing it");
  command->callback([&] { run = [&] { return RunKey(common, key); }; });

  command = app.add_subcommand("bench", "Time calls to a server.");
  command->footer(
      "Without --rate a closed loop: the next call is sent when the last one was answered. With "
      "--rate an open loop: a call\nis due at its time, however the server does, and is timed from "
      "then. One call before it does not count; none is sent again.\nExit code 1 when a call "
      "failed, which is in no percentile. Ctrl-C or SIGTERM: prints what was measured until\n"
      "then; exit code 130 or 143. A second one ends it at once.");
  command->add_option("--query", bench.query, "what is asked (default: a generated query)");
  command->add_option("--documents", bench.documents,
                      "a file of documents; - is the standard input (default: generated ones)");
  command->add_option("--format", bench.format, "of that file: lines or jsonl")
      ->check(CLI::IsMember(Keys(Formats())));
  command->add_option("--generate", bench.generated_documents, "how many documents to generate")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--words", bench.generated_words, "words of each generated document")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command->add_option("--model", bench.model, "which model (default: the server's)");
  command->add_option("--rate", bench.rate, "calls a second, in an open loop")
      ->check(NumberWithin(0.001, 1e6));
  command
      ->add_option("--concurrency", bench.concurrency,
                   "calls at a time (default: 1; with --rate at most 64)")
      ->check(CLI::Range(1, 4096));
  auto* calls = command->add_option("--calls", bench.calls, "how many calls")
                    ->check(CLI::Range(1, 1'000'000'000));
  command->add_option("--duration", bench.seconds, "for how many seconds to send calls")
      ->check(Seconds())
      ->capture_default_str()
      ->excludes(calls);
  command->callback([&] { run = [&] { return RunBench(common, bench); }; });

  command =
      app.add_subcommand("pull", "Fetch a model from the hub into the cache; print its folder.");
  command->add_option("MODEL", pull.model, "its id: ORGANIZATION/NAME or NAME")->required();
  command->add_option("--revision", pull.revision, "a branch, tag or commit")
      ->capture_default_str();
  command->add_option("--endpoint", pull.endpoint, "the hub or mirror (default: HF_ENDPOINT)");
  command->add_option("--cache-dir", pull.cache_dir, "the cache (default: HF_HUB_CACHE)");
  command->add_flag("--quiet", pull.quiet, "print nothing but the folder, or an error");
  command->callback([&] { run = [&] { return RunPull(common, pull); }; });

  std::string shell;
  command = app.add_subcommand("completion", "Print a script that completes this command line.");
  command->footer(
      "bash: source <(rerankctl completion bash). zsh: source <(rerankctl completion zsh).");
  command->add_option("SHELL", shell, "bash or zsh")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}));
  command->callback([&] {
    run = [&] {
      Print(CompletionScript(app, shell == "zsh" ? Shell::kZsh : Shell::kBash));
      return kOk;
    };
  });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  auto options = ConnectionOptions(common.connection);
  if (!options.ok()) return FailUsage(std::string(options.status().message()));
  common.options = *std::move(options);
  const int code = run();
  if (code != kUsage && (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)) {
    return FailUsage("cannot write the output");
  }
  return code;
}

}  // namespace
}  // namespace rerankd::client

int main(int argc, char** argv) {
  // For the width of characters, whatever the user's own locale is.
  std::setlocale(LC_CTYPE, "C.UTF-8");
  // gRPC's own log says in other words what we say, unless somebody asks for it.
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  try {
    return rerankd::client::Run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rerankctl: %s\n", error.what());
    return rerankd::client::kCallFailed;
  }
}
