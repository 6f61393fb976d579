;; Grows a table, which no Rust can say: text that wasmtime compiles as it is.
;; `run` answers {"refused":true} when the host set a limit below ten million.
(component
  (type $shapes (instance
    (type $kind' (enum "retryable" "permanent" "ambiguous"))
    (export "error-kind" (type $kind (eq $kind')))
    (type $error' (record
      (field "kind" $kind) (field "code" string) (field "message" string)
      (field "retry-after-ms" (option u64)) (field "details" (option string))))
    (export "step-error" (type $error (eq $error')))
    (type $pause' (record
      (field "after-ms" u64) (field "state" string) (field "note" string)))
    (export "pause" (type $pause (eq $pause')))
    (type $outcome' (variant (case "done" string) (case "wait" $pause)))
    (export "outcome" (type (eq $outcome')))))
  (import "runbook:plugin/types@0.1.0" (instance $types (type $shapes)))
  (alias export $types "outcome" (type $outcome))
  (alias export $types "step-error" (type $error))

  (core module $module
    (memory (export "memory") 1)
    (table $table 1 funcref)
    (global $free (mut i32) (i32.const 4096))
    (data (i32.const 1024) "{\22descriptor\22:\22runbook.plugin/1\22,\22name\22:\22table-grow\22,\22version\22:\220.1.0\22,\22summary\22:\22Grows a table\22,\22wants\22:[],\22steps\22:[{\22name\22:\22table_grow\22,\22summary\22:\22Grow a table\22,\22idempotency\22:\22pure\22,\22input\22:{\22type\22:\22object\22},\22output\22:{\22type\22:\22object\22}}]}")
    (data (i32.const 2048) "{\22refused\22:true} {\22refused\22:false}")
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      global.get $free
      (global.set $free (i32.add (global.get $free) (local.get 3))))
    (func (export "describe") (result i32)
      (i32.store (i32.const 16) (i32.const 1024))
      (i32.store (i32.const 20) (i32.const 239))
      i32.const 16)
    (func (export "run") (param i32 i32 i32 i32) (result i32)
      ;; ok(done(text)) lies at 32: two tags, then the text at 48.
      (i64.store (i32.const 32) (i64.const 0))
      (i64.store (i32.const 40) (i64.const 0))
      (if (i32.eq (table.grow $table (ref.null func) (i32.const 10000000)) (i32.const -1))
        (then
          (i32.store (i32.const 48) (i32.const 2048))
          (i32.store (i32.const 52) (i32.const 16)))
        (else
          (i32.store (i32.const 48) (i32.const 2065))
          (i32.store (i32.const 52) (i32.const 17))))
      i32.const 32))
  (core instance $instance (instantiate $module))
  (alias core export $instance "memory" (core memory $memory))
  (alias core export $instance "realloc" (core func $realloc))

  (func $describe (result string)
    (canon lift (core func $instance "describe") (memory (core memory $memory))))
  (func $run (param "step" string) (param "inputs" string)
    (result (result $outcome (error $error)))
    (canon lift (core func $instance "run") (memory (core memory $memory)) (realloc (core func $realloc))))
  (instance $steps
    (export "describe" (func $describe))
    (export "run" (func $run)))
  (export "runbook:plugin/steps@0.1.0" (instance $steps)))
