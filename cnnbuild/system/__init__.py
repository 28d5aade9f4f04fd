"""What operating systems do differently: everything that Windows or macOS lacks is asked for here alone.

`tests/test_portability.py` forbids the names elsewhere.
"""
