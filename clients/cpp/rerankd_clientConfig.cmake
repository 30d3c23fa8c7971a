# The C++ client of rerankd: find_package(rerankd_client), target rerankd::client.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(absl)
find_dependency(fmt)
find_dependency(nlohmann_json)
find_dependency(Protobuf)
find_dependency(gRPC CONFIG)
include(${CMAKE_CURRENT_LIST_DIR}/rerankd_clientTargets.cmake)
