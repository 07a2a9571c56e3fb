# The release, as the package, the API's document and `keeper --version` name it.
__version__ = "0.1.0"
