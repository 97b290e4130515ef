"""Tests of scripts/inner-loop on listings as objdump writes them; nothing is compiled."""

import importlib.machinery
import importlib.util
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader(
    "inner_loop", os.path.join(HERE, "..", "..", "scripts", "inner-loop"))
inner_loop = importlib.util.module_from_spec(importlib.util.spec_from_loader("inner_loop", loader))
loader.exec_module(inner_loop)

# A loop of runs around a loop of the depth, and a rest behind it, as the tile multiply has them.
NESTED = """
0000000000000010 <multiply>:
  10:\tmov    %rsp,%rax
  14:\tmov    0x10(%rsp),%rdx
  18:\tnopw   0x0(%rax,%rax,1)
  20:\tvmovups (%rdi,%rdx,1),%ymm0
  24:\tvfmadd231ps (%rsi),%ymm0,%ymm1
  28:\tvfmadd231ps %ymm0,%ymm2,%ymm3
  2c:\tprefetcht0 0x40(%rdi)
  30:\tadd    $0x8,%rdx
  34:\tcmp    %rcx,%rdx
  38:\tjne    20 <multiply+0x10>
  3c:\tvfmadd231ps %ymm0,%ymm2,%ymm4
  40:\tmov    %rdx,0x10(%rsp)
  44:\tcmp    %r8,%rax
  48:\tjne    14 <multiply+0x4>
  4c:\tret
"""

FRAME = """
0000000000000000 <f>:
   0:\tpush   %rbp
{frame}
   8:\tvmulps 0x8(%rbp),%ymm0,%ymm1
   c:\tvmovaps %ymm1,-0x20(%rsp)
  10:\taddq   $0x1,(%rdi)
  14:\tjne    8 <f+0x8>
  18:\tret
"""

AARCH64 = """
0000000000000000 <f>:
   0:\tstp\tx29, x30, [sp, #-32]!
   4:\tmov\tx29, sp
   8:\tldp\tq0, q1, [x0], #32
   c:\tfmla\tv2.4s, v0.4s, v1.s[0]
  10:\tldr\tq3, [sp, #16]
  14:\tstr\tq2, [x29, #16]
  18:\tprfm\tpldl1keep, [x3]
  1c:\tsubs\tx1, x1, #0x1
  20:\tb.ne\t8 <f+0x8>  // b.any
  24:\tret
"""


def loops(listing, machine=inner_loop.X86):
    return [loop for name, body in inner_loop.parse(listing).items()
            for loop in inner_loop.describe(name, body, machine)]


class InnerLoop(unittest.TestCase):
    def test_only_the_innermost_loop_is_counted(self):
        self.assertEqual(loops(NESTED), [
            {"function": "multiply+0x10", "instructions": 7, "fmas": 2, "loads": 2, "stores": 0,
             "stack": 0}])

    def test_a_loop_around_a_loop_without_work_is_counted(self):
        listing = NESTED.replace("vfmadd231ps (%rsi)", "vaddps (%rsi)")
        listing = listing.replace("vfmadd231ps %ymm0,%ymm2,%ymm3", "vaddps %ymm0,%ymm2,%ymm3")
        loop, = loops(listing)
        self.assertEqual((loop["function"], loop["fmas"], loop["stack"]), ("multiply+0x4", 1, 2))

    def test_rbp_is_the_stack_only_as_a_frame(self):
        framed, = loops(FRAME.format(frame="   1:\tmov    %rsp,%rbp"))
        free, = loops(FRAME.format(frame="   1:\tmov    %rsi,%rbp"))
        self.assertEqual((framed["stack"], free["stack"]), (2, 1))

    def test_multiplications_count_where_nothing_is_fused(self):
        loop, = loops(FRAME.format(frame=""))
        self.assertEqual((loop["fmas"], loop["loads"], loop["stores"]), (1, 2, 2))

    def test_no_loop(self):
        self.assertEqual(loops(NESTED.replace("jne", "call")), [])

    def test_aarch64(self):
        self.assertEqual(loops(AARCH64, inner_loop.AArch64), [
            {"function": "f+0x8", "instructions": 7, "fmas": 1, "loads": 2, "stores": 1,
             "stack": 2}])


if __name__ == "__main__":
    unittest.main()
