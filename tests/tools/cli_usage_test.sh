#!/bin/sh
# SPDX-License-Identifier: MIT
# Wrong command lines: one line, exit code 2, before any device is looked for.
. "$(dirname "$0")/cli.sh"

run
[ "$code" -eq 2 ] || complain "no words: exit code $code"
grep -q '^Usage: hsaprobe COMMAND' stderr || complain "no words: no help"

refuse 2 'dctor: no such command' dctor
grep -q 'did you mean `hsaprobe doctor`' stderr || complain "no suggestion"
refuse 2 'qwertyuiop: no such command' qwertyuiop
refuse 2 'nix: no such command' help nix

refuse 2 "unknown option '--foo'" doctor --foo
refuse 2 "unknown option '-z'" doctor -z
refuse 2 "option '--format' needs a value" doctor --format
refuse 2 "option '--help=3' takes no value" doctor --help=3
refuse 2 "'xml' is none of text|json" doctor --format xml
refuse 2 "unexpected word 'x'" doctor x
refuse 2 "unknown option '--format'" completion --format json

refuse 2 "'x' is none of soft, hw" info --device x
refuse 2 "'hw:' is none of soft, hw" info --device hw:

refuse 2 'FILE and KERNEL are missing' run
refuse 2 'KERNEL is missing' run f
refuse 2 '--grid or --global is missing' run f k
refuse 2 '--block is missing' run f k --grid 1
refuse 2 "unexpected word 'x'" run f k x --grid 1 --block 1
refuse 2 'each size is from 1' run f k --grid 0 --block 1
refuse 2 'each size is from 1' run f k --grid 1 --block 64,0
refuse 2 'each size is from 1' run f k --global 4294967296 --block 1
refuse 2 'each size is from 1' run f k --grid 99999999999999999999 --block 1
refuse 2 "is not X, X,Y or X,Y,Z" run f k --grid 1,2,3,4 --block 1
refuse 2 "is not X, X,Y or X,Y,Z" run f k --grid 1, --block 1
refuse 2 "is not X, X,Y or X,Y,Z" run f k --grid -1 --block 1
refuse 2 "is not X, X,Y or X,Y,Z" run f k --grid one --block 1
refuse 2 'give one of them, once' run f k --grid 1 --global 1 --block 1
refuse 2 "--shared: '-1' is not a number" run f k --grid 1 --block 1 --shared -1
refuse 2 "--repeat: '0' is not a number" run f k --grid 1 --block 1 --repeat 0
refuse 2 "--timeout: 'x' is not a number" run f k --grid 1 --block 1 --timeout x
refuse 2 "'f33' is no type" run f k --grid 1 --block 1 --arg f33:1
refuse 2 "'x' is not a number" run f k --grid 1 --block 1 --arg f32:x
refuse 2 "out of range" run f k --grid 1 --block 1 --arg u8:256

refuse 2 "'nix' is no built-in kernel; those are: empty counter saxpy" layers --kernel nix
refuse 2 "--rounds: '0' is not a number" layers --rounds 0
refuse 2 "--warmup: 'x' is not a number" layers --warmup x
refuse 2 "--batch: '257' is not a number" layers --batch 257
refuse 2 "'auto' is none of trap, uffd, spin" layers --doorbell auto
refuse 2 "'all' is none of none, agent, system" layers --fence all
refuse 2 'built-in kernels have theirs' layers --grid 1
refuse 2 'KERNEL is missing' layers f --grid 1 --block 1
refuse 2 'not both' layers f k --kernel empty

refuse 2 "--restarts: '0' is not a number" layers --restarts 0
refuse 2 "--gaps: '3 km' is no time" layers --gaps '10us,3 km'
refuse 2 "--gaps: '' is no time" layers --gaps 10us,
refuse 2 "--compat: 'x' is neither rocrtst nor hip-tests" layers --compat x
refuse 2 'compat launches an empty kernel' layers --compat rocrtst --op alloc
refuse 2 'crosscheck has its own arms' layers --crosscheck --arm hip
refuse 2 "'xml' is none of text|json|jsonl|csv|svg" layers --format xml
refuse 2 "'jsonl' is none of text|json|csv" compare a b --format jsonl

refuse 2 'two results are needed' compare a
refuse 2 "unexpected word 'c'" compare a b c
refuse 2 "--threshold: 'x' is not a number" compare a b --threshold x

refuse 2 'COLLECTION is missing' bench
refuse 2 "'x' is no collection; those are: dispatch library softgpu" bench x
refuse 2 "--samples: '0' is not a number" bench dispatch --samples 0

refuse 2 'no program to run' soft
refuse 2 'no program to run' soft --cus 4
refuse 2 "'12Q' is not a size" soft --vram 12Q true
refuse 2 "'0' is not a size" soft --vram 0 true
refuse 2 "'-1' is not a size" soft --vram -1 true
refuse 2 "'99999999999T' is not a size" soft --vram 99999999999T true
refuse 2 "--cus: '0' is not a number from 1 to 104" soft --cus 0 true
refuse 2 "--cus: '105' is not a number from 1 to 104" soft --cus 105 true
refuse 2 "'fast' is none of auto, trap, uffd, spin" soft --doorbell fast true
refuse 2 "'x' is none of ioctl, packet, insn" soft --trace ioctl,x true
refuse 2 "'' is none of ioctl, packet, insn" soft --trace ioctl, true
refuse 2 "'v5' is none of v2, v3, v4" soft --isa v5 true
refuse 2 "--workers: '0' is not a number" soft --workers 0 true

accept 'hsaprobe 0.' --version
accept 'Exit codes: 0 success' --help
accept 'rand:SEED' help run
accept '--vram=SIZE' soft --help
accept 'complete -o default -F _hsaprobe hsaprobe' completion
for command in info doctor run layers compare bench soft completion; do
    accept "Usage: hsaprobe $command" $command --help
    accept " $command " completion
done
finish
