"""The HTTP contract: who may call, what a request may carry, what is answered and how errors look.

Handlers read the request, call one function of the floor and shape the answer; nothing is decided
here.
"""
