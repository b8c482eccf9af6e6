"""Rules of synchronisation executed by SimPy: workers at their own pace, servers, pushes, barriers."""
