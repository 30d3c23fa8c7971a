# The model that is served when none is configured: RERANKD_DEFAULT_MODEL_DIR, a folder in models/ unless the user
# names another. Only the user's choice is kept in a build folder's cache, so that the project's own can change and
# every build folder follows.
set(RERANKD_DEFAULT_MODEL "" CACHE PATH
  "Folder of the cross-encoder that is served when none is configured; empty: the one in models/")
unset(RERANKD_DEFAULT_MODEL_DIR CACHE)  # build folders of earlier versions keep a path under this name
if(RERANKD_DEFAULT_MODEL)
  set(RERANKD_DEFAULT_MODEL_DIR "${RERANKD_DEFAULT_MODEL}")
else()
  set(RERANKD_DEFAULT_MODEL_DIR "${PROJECT_SOURCE_DIR}/models/rerankd-mini-en-v2")
endif()
