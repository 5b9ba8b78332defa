export CARGO_TARGET_DIR := env("CARGO_TARGET_DIR", env("HOME") / ".cache/ilk/target")

# the demo shop, from data to report
demo:
    cargo run --release --locked -- demo

# everything that must pass before a change lands
ci:
    bash .ci/run

# the tests alone
test *args:
    scripts/test {{args}}

fmt:
    cargo fmt

# a real Spark on this machine: a master, two workers, a Connect server
spark-up:
    scripts/spark up

# ends what spark-up started
spark-down:
    scripts/spark down
